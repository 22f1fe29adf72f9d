import Bytes

/// What a call of `RequestParser.next` found. `consumed` counts from the front of the bytes it was given: drop them, and
/// call again.
public enum RequestEvent: Equatable, Sendable {
    /// Nothing more can be said before more bytes arrive.
    case needMore(consumed: Int)
    /// A whole head: see `RequestParser.head`.
    case head(consumed: Int)
    /// A piece of the content: these of the bytes given.
    case body(Range<Int>, consumed: Int)
    /// The request is complete, with or without content. What follows is the next request.
    case end(consumed: Int)
}

/// Reads a connection's requests (RFC 9112), one event a call.
///
///     method SP target SP HTTP/1.1 CR LF     ← place .method … .version, here
///     name: value CR LF                      ← .fields, FieldLineParser
///     CR LF
///     content                                ← .body, BodyDecoder
///
/// Nothing is copied and nothing allocated: while a head is incomplete its bytes stay with the caller, who presents them
/// again with more after them, and the parser goes on where it stopped. So each byte is looked at once, however slowly
/// they drip.
///
/// An error is decided at the first byte that makes it certain, and depends on the bytes before it alone, never on how
/// they were cut. After an error the parser is dead and throws the same again: nothing after it is read as a request.
///
/// It does not know what was answered: the caller stops calling it after a request that is the connection's last.
///
/// A class, though it is nothing but a value of its connection's: whoever looks at a head is lent the parser, and a
/// structure of this size is copied whole for that.
public final class RequestParser {
    private enum Place: UInt8 {
        case start, startLineFeed, method, target, version, fields, body
    }

    public let limits: Limits
    /// Bytes of content that this request may have; `contentTooLarge` above, from a declared length before its first byte.
    /// Set anew to `limits.body` with each head; the caller may change it between `.head` and the next call.
    public var maximumBodyLength: Int64
    /// Of the last `.head`.
    public private(set) var head = RequestHead()

    private var place = Place.start
    private var versionMajor: UInt8 = 0
    private var emptyLines = 0
    private var failure: HTTPError?
    /// The next byte to look at, and where the request, and the part of its first line under way, begin.
    private var position = 0
    private var start = 0
    private var partStart = 0
    private var questionMark: Int?
    private var lines = FieldLineParser()
    private let known = KnownFields()
    private var body = BodyDecoder()

    public init(limits: Limits = Limits()) {
        self.limits = limits
        maximumBodyLength = limits.body
    }

    /// Whether a request is under way: bytes of it were seen and `.end` was not returned. The server's deadline for a
    /// request runs while this is true; what is between requests is idling.
    public var isInRequest: Bool { place != .start && place != .startLineFeed }

    /// Where the value of the first field line of that name is, in the bytes of the last head, without blanks around it.
    public func value(of name: FieldName) -> Range<Int>? { known.value(of: name) }

    /// Whether the last head has more than one line of that name.
    public func isRepeated(_ name: FieldName) -> Bool { known.isRepeated(name) }

    /// The next event.
    /// - Parameter bytes: everything received and not consumed yet.
    /// - Throws: the answer to give before the connection is closed.
    public func next(_ bytes: Span<UInt8>) throws(HTTPError) -> RequestEvent {
        if let failure { throw failure }
        do throws(HTTPError) {
            guard place == .body else { return try nextOfHead(bytes) }
            switch try body.next(bytes, maximum: maximumBodyLength) {
            case .needMore(let consumed): return .needMore(consumed: consumed)
            case .body(let range, let consumed): return .body(range, consumed: consumed)
            case .end(let consumed):
                place = .start
                emptyLines = 0
                return .end(consumed: consumed)
            }
        } catch {
            failure = error
            throw error
        }
    }

    private func nextOfHead(_ bytes: Span<UInt8>) throws(HTTPError) -> RequestEvent {
        precondition(position <= bytes.count, "bytes of an incomplete head were taken away")
        guard try skipEmptyLines(bytes) else {
            let consumed = position
            position = 0
            return .needMore(consumed: consumed)
        }
        let end = min(bytes.count, start + limits.head)
        guard try parseRequestLine(bytes, to: end), try parseFields(bytes, to: end) else {
            // The limit is on what is needed: a head of just that size has ended by now.
            if end - start == limits.head { throw .headTooLarge }
            return .needMore(consumed: 0)
        }
        try interpret(bytes)
        let consumed = position
        position = 0
        place = .body
        body.begin(head.framing, limits)
        maximumBodyLength = limits.body
        return .head(consumed: consumed)
    }

    /// RFC 9112 §2.2: a server should ignore at least one empty line before the request line.
    /// - Returns: whether there is a first byte of a request.
    @inline(__always) private func skipEmptyLines(_ bytes: Span<UInt8>) throws(HTTPError) -> Bool {
        while place == .start || place == .startLineFeed {
            guard position < bytes.count else { return false }
            let byte = bytes[position]
            if place == .startLineFeed {
                if byte != Octet.lineFeed { throw .bareCarriageReturn }
                position += 1
                emptyLines += 1
                place = .start
            } else if byte == Octet.carriageReturn {
                if emptyLines == limits.emptyLines { throw .tooManyEmptyLines }
                position += 1
                place = .startLineFeed
            } else {
                start = position
                partStart = position
                place = .method
            }
        }
        return true
    }

    /// - Returns: whether the whole line is there.
    @inline(__always) private func parseRequestLine(
        _ bytes: Span<UInt8>, to end: Int
    ) throws(HTTPError) -> Bool {
        if place == .method {
            guard try parseMethod(bytes, to: end) else { return false }
        }
        if place == .target {
            guard try parseTarget(bytes, to: end) else { return false }
        }
        if place == .version {
            guard try parseVersion(bytes, to: end) else { return false }
            if versionMajor != 1 { throw .unsupportedVersion }
            let target = try RequestTarget(bytes, head.target, questionMark: questionMark, method: head.method)
            head.path = target.path
            head.query = target.query
            head.authority = target.authority
            known.removeAll()
            lines.begin(at: position)
            partStart = position
            place = .fields
        }
        return true
    }

    private func parseMethod(_ bytes: Span<UInt8>, to end: Int) throws(HTTPError) -> Bool {
        // Most requests come whole, and say "GET ": four bytes.
        if position == start, end - position >= 4, limits.method >= 3, bytes.halfWord(at: position) == 0x2054_4547 {
            position += 3
            endMethod(.get)
            return true
        }
        position = bytes.end(of: Octet.token, from: position, to: min(end, start + limits.method + 1))
        if position - start > limits.method { throw .methodTooLong }
        guard position < end else { return false }
        switch bytes[position] {
        case Octet.space where position > start: break
        case Octet.lineFeed: throw .bareLineFeed
        case Octet.space, Octet.carriageReturn: throw .malformedRequestLine
        default: throw .malformedMethod
        }
        endMethod(Method(bytes.extracting(start..<position)))
        return true
    }

    @inline(__always) private func endMethod(_ method: Method) {
        head = RequestHead()
        head.methodToken = start..<position
        head.method = method
        position += 1
        partStart = position
        questionMark = nil
        place = .target
    }

    private func parseTarget(_ bytes: Span<UInt8>, to end: Int) throws(HTTPError) -> Bool {
        let stop = min(end, partStart + limits.target + 1)
        while true {
            position = bytes.end(of: Octet.target, from: position, to: stop)
            if position - partStart > limits.target { throw .targetTooLong }
            guard position < end else { return false }
            switch bytes[position] {
            case UInt8(ascii: "?"):
                if questionMark == nil { questionMark = position }
                position += 1
                continue
            case Octet.space where position > partStart: break
            case Octet.space, Octet.carriageReturn: throw .malformedRequestLine
            case Octet.lineFeed: throw .bareLineFeed
            case UInt8(ascii: "#"): throw .fragmentInTarget
            default: throw .malformedTarget
            }
            head.target = partStart..<position
            position += 1
            partStart = position
            place = .version
            return true
        }
    }

    /// `HTTP/d.d CR LF`.
    private func parseVersion(_ bytes: Span<UInt8>, to end: Int) throws(HTTPError) -> Bool {
        // Nearly every request comes whole, and says "HTTP/1.1": eight bytes and two.
        if position == partStart, end - position >= 10, bytes.word(at: position) == 0x312e_312f_5054_5448,
            bytes[position + 8] == Octet.carriageReturn, bytes[position + 9] == Octet.lineFeed
        {
            versionMajor = 1
            head.versionMinor = 1
            position += 10
            return true
        }
        let name: StaticString = "HTTP/"
        while position < end {
            let byte = bytes[position]
            let offset = position - partStart
            position += 1
            switch offset {
            case 0...4:
                if byte != name.utf8Start[offset] { throw .malformedVersion }
            case 5, 7:
                let digit = byte &- UInt8(ascii: "0")
                if digit > 9 { throw .malformedVersion }
                if offset == 5 { versionMajor = digit } else { head.versionMinor = digit }
            case 6:
                if byte != UInt8(ascii: ".") { throw .malformedVersion }
            case 8:
                if byte == Octet.lineFeed { throw .bareLineFeed }
                if byte != Octet.carriageReturn { throw .malformedVersion }
            default:
                if byte != Octet.lineFeed { throw .bareCarriageReturn }
                return true
            }
        }
        return false
    }

    /// - Returns: whether the empty line is there.
    @inline(__always) private func parseFields(_ bytes: Span<UInt8>, to end: Int) throws(HTTPError) -> Bool {
        while true {
            let step = try lines.next(bytes, to: end, maximum: limits.fields)
            position = lines.position
            switch step {
            case .needMore: return false
            case .line: known.record(lines, bytes)
            case .end: return true
            }
        }
    }

    /// What only the whole head can tell.
    private func interpret(_ bytes: Span<UInt8>) throws(HTTPError) {
        head.fields = partStart..<position
        head.fieldCount = lines.count
        if known.isRepeated(.host) { throw .repeatedHost }
        if let host = known.value(of: .host) {
            guard RequestTarget.isAuthority(bytes.extracting(host)) else { throw .malformedHost }
            if head.authority == nil { head.authority = host }
        } else if head.versionMinor > 0 {
            throw .missingHost
        }
        head.framing = try BodyFraming(ofRequest: known, versionMinor: head.versionMinor, bytes)
        let options = known.options
        if options.contains(.unknownExpectation) { throw .unknownExpectation }
        head.keepAlive = !options.contains(.close) && (head.versionMinor > 0 || options.contains(.keepAlive))
        head.expectsContinue = options.contains(.expectsContinue) && head.versionMinor > 0
        head.isWebSocketUpgrade =
            head.method == .get && head.versionMinor > 0 && options.isSuperset(of: [.upgrade, .webSocket])
    }
}
