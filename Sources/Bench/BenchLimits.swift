import Bytes

/// The load tool's limits, together, with their reasons.
public enum BenchLimits {
    /// Load reactors: a tag has four bits for the one that sent it.
    public static let threads = 1...16
    /// Clients of one process. Beyond it the memory of the kernel's sockets (some 10 KB each on loopback, both ends)
    /// is what is measured.
    public static let connections = 1...1_000_000
    /// Connections from one source address to one port: the kernel's default range of ephemeral ports has 28,232.
    public static let connectionsPerSource = 25_000
    /// Requests on their way on one connection.
    public static let pipelining = 1...1_024
    /// Scores of one request: a batch of our own gateway may have 64 MiB.
    public static let batch = 1...100_000
    /// Arrivals a second of an open loop.
    public static let rate = 0.001...10_000_000
    /// Connects a second: beyond it a ramp is no ramp.
    public static let ramp = 1.0...1_000_000
    /// Handshakes under way at once on a load reactor: an accept queue is 4,096 at most, and full it drops SYNs, whose
    /// repetition a second later would be measured.
    static let handshakesAtOnce = 256
    /// A connect, and a handshake after it.
    static let connect: Duration = .seconds(10)
    /// A request that has had no answer for this long is given up together with its connection, and counted.
    static let answer: Duration = .seconds(30)
    /// What the end of a run waits for: answers and deliveries still on their way.
    static let settling: Duration = .seconds(10)
    /// Nothing came for this long while settling: nothing will.
    static let settled: Duration = .milliseconds(1_500)
    /// Before a lost connection is tried again: nobody wants a dead server to be hammered.
    static let reconnect: Duration = .milliseconds(200)
    /// How often a slow reader reads.
    static let slowRead: Duration = .seconds(1)
    /// Arrivals of an open loop that wait for a connection with room; later ones are dropped and counted, so that a
    /// server that is far too slow does not cost the tool all its memory.
    static let waitingArrivals = 1_000_000
    /// Requests without an answer whose scores are looked for on the feed afterwards (32 bytes each). Those of later ones
    /// count as not delivered.
    static let uncertainRequests = 1_000_000
    /// An open loop that is answered at less than this share of its rate has not reached it.
    static let reached = 0.99
    /// Messages the ledger tells apart (some 70 bytes each: its entry, and its key among the places). Of later ones the
    /// latency is measured, but they are not judged for holes.
    static let ledgerMessages = 16_000_000
    /// The newest messages' bytes, by which a delivery is recognized without reading it: power of two.
    static let ledgerBytes = 8 << 20
    /// Ids of holes and doubles named in the report, as examples.
    static let namedFaults = 10
    /// Of one line of a body.
    static let line = 128
    /// The longest time that is told apart from longer ones.
    static let latencyMost: Duration = .seconds(120)
    /// A load reactor that is busy for more of the time than this is taken for the bottleneck.
    static let saturated = 0.9
    /// Lines of a broker message: what the gateway itself sends at most (contract: BROKER_MAX_BATCH).
    static let brokerLines = 256
}
