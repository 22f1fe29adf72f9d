/// What a WebSocket peer may cost, and how long it is waited for.
public enum WebSocketLimits {
    /// The longest message of a live feed's client, in bytes: nothing it could have to say is longer. Beyond: 1009.
    public static let messageLength = 64 * 1024

    /// The longest message where conformance suites send large ones (Autobahn, group 9), in bytes.
    public static let echoMessageLength = 16 * 1024 * 1024

    /// The longest payload of Close, Ping and Pong, in bytes (RFC 6455, 5.5).
    public static let controlPayload = 125

    /// The longest reason of a Close frame, in bytes: its payload without the two bytes of the code.
    public static let closeReason = controlPayload - 2

    /// The longest header: two bytes, a length of eight, a masking key of four.
    public static let headerLength = 14

    /// The server pings this often: under the 30 s and 60 s after which proxies and NATs forget a silent connection.
    public static let pingInterval: Duration = .seconds(25)

    /// A peer that sent nothing at all for this long is gone: it missed two pings.
    public static let silence: Duration = .seconds(60)

    /// How long the peer has to answer a Close frame, and afterwards to end the TCP connection.
    public static let closeHandshake: Duration = .seconds(5)
}
