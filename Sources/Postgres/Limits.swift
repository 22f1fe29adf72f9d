/// The module's limits, together, with their reasons.
enum Limits {
    /// Queries under way on one connection. A caller that groups its work has one or two; beyond this the server is
    /// what is slow, and more in the pipe only means more outcomes unknown when it breaks.
    static let pipelineDepth = 256

    /// How long a connection must have stood for its loss to be answered at once. A server that takes connections and
    /// drops them again is met with growing waits instead of a hot loop.
    static let settled: Duration = .seconds(5)

    /// What a connection waits between rounds over all hosts.
    static let reconnectFirst: Duration = .milliseconds(100)
    static let reconnectLimit: Duration = .seconds(5)

    /// TCP notices a dead peer within about 25 s also when nothing is in flight (libpq's own default is the kernel's
    /// two hours), and within 15 s when sent bytes stay unacknowledged. A URI may say otherwise.
    static let keepaliveIdleSeconds = 10
    static let keepaliveIntervalSeconds = 5
    static let keepaliveCount = 3
    static let userTimeoutMilliseconds = 15_000

    /// The largest value of one parameter: PostgreSQL's own limit of a field (1 GB).
    static let parameterBytes = 1 << 30
}
