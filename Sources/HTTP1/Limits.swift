/// The bounds of one message. What is over a bound is answered with a typed error, never buffered.
public struct Limits: Sendable, Equatable {
    /// Bytes of a request-target; above: 414. RFC 9112 §3 asks for at least 8,000.
    public var target = 8 * 1024
    /// Bytes of a head, from the first byte of its first line to the end of the empty line; above: 431.
    /// A head is kept until it is complete, so this is what one connection can make us hold. (h11 16 KiB, nginx 32 KiB.)
    public var head = 64 * 1024
    /// Field lines of a head or of a trailer section; above: 431. (Apache has 100 as well.)
    public var fields = 100
    /// Bytes of a method; above: 501 (RFC 9112 §3). The longest registered one, UPDATEREDIRECTREF, has 17.
    public var method = 32
    /// Empty lines that may stand before a request line (RFC 9112 §2.2): old clients sent one after a form's body.
    public var emptyLines = 2
    /// Bytes of content when nobody says otherwise (`maximumBodyLength`); above: 413.
    public var body: Int64 = 1024 * 1024
    /// Bytes of one chunk's line, its size and its extensions; above: 400. A size needs 15 at most.
    public var chunkLine = 256
    /// Bytes of all chunk extensions of one body; above: 400. Without it, extensions could carry far more bytes than the
    /// content does and slip past every limit on the content (RFC 9112 §7.1.1).
    public var chunkExtensions = 16 * 1024
    /// Bytes of a trailer section; above: 431. Trailers are read past, not kept.
    public var trailers = 8 * 1024

    public init() {}
}
