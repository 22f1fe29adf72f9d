/// The client's limits, together, with their reasons.
public enum Limits {
    /// Name, TCP and TLS. Two lost SYNs (1 s + 2 s) still get through; a host that is gone is known before people ask.
    public static let connect: Duration = .seconds(5)

    /// A small answer, from `send` to its last byte: what Slack's own client libraries wait.
    public static let total: Duration = .seconds(30)

    /// A stream of unknown length has no end to wait for. One that brings less than this, for as long as
    /// `lowSpeedTime`, is as good as gone.
    public static let lowSpeedBytesPerSecond = 1024
    public static let lowSpeedTime: Duration = .seconds(15)

    /// And one that brings just enough for ever has an end too: a million scores come in a fifth of it over 10 Mbit/s.
    static let stream: Duration = .seconds(600)

    /// Transfers of one client at once. The gateway needs a handful (one message a second, a few catch-ups); more is a
    /// fault of the caller, which is told so instead of queueing without end.
    public static let transfers = 256

    /// Connections kept for the next request after their answer.
    static let idleConnections = 16

    /// A connection is not used again after this: one that is always busy would never follow a change of addresses.
    static let connectionLifetime: Duration = .seconds(600)

    /// Redirects followed for a GET; a fourth is a loop or a mistake. A POST follows none: its body was for that URL.
    static let redirects = 3

    /// libcurl's buffer of a transfer, and so the largest span a handler sees: few calls for a large answer, little
    /// memory for a small one.
    static let receiveBuffer = 64 * 1024

    /// The longest rest a Retry-After can ask for. A slip of a server's clock must not silence the gateway for days;
    /// asking again once an hour harms nobody.
    public static let retryAfter: Duration = .seconds(3600)
}
