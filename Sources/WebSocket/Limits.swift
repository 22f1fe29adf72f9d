/// What a WebSocket peer may cost, and how long it is waited for.
public enum WebSocketLimits {
    /// The longest message of a live feed's client, in bytes: nothing it could have to say is longer. Beyond: 1009.
    public static let messageLength = 64 * 1024

    /// The longest message where conformance suites send large ones (Autobahn, group 9), in bytes.
    public static let echoMessageLength = 16 * 1024 * 1024

    /// The window of our own compressed messages, and of a peer's that lets itself be told, as a power of two. Messages are
    /// short and begin anew each time, so that a larger one finds next to nothing more; and the one who inflates has it
    /// in memory while a compressed message is under way: 2 KiB instead of 32, beside 7 KiB of zlib's state.
    public static let windowBits: UInt8 = 11

    /// What inflates a compressed message that is under way has so many bytes beside the message: zlib's own state, and the
    /// sender's window.
    static func inflaterMemory(windowBits: UInt8) -> Int { 7 << 10 + 1 << Int(windowBits) }

    /// How much memory zlib spends on finding repetitions (1 to 9): with 4 and the window above, 20 KB.
    static let deflateMemoryLevel: Int32 = 4

    /// The shortest message that we compress. Below, what is saved is a few bytes, if any, and the receiver pays too.
    public static let leastCompressed = 128

    /// The most bytes of compressed payload that a message may have which may have so many when inflated. zlib's worst is
    /// 15 % more than what it compressed (`deflateBound`); beyond it are blocks that say nothing, which nobody waits for.
    static func compressedLength(of length: Int) -> Int { length + length / 4 + 64 }

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
