import Bytes

/// What the head of a response says. Ranges are offsets into the bytes given to the call that returned it.
public struct ResponseHead: Equatable, Sendable {
    /// 100…999, known or not.
    public internal(set) var status: UInt16 = 0
    public internal(set) var reason = 0..<0
    public internal(set) var versionMinor: UInt8 = 1
    /// nil: the content ends with the connection (RFC 9112 §6.3).
    public internal(set) var framing: BodyFraming? = BodyFraming.none
    /// Whether the connection takes another request after this response.
    public internal(set) var keepAlive = true
    /// 101, or a 2xx to CONNECT: after `.end`, the bytes are another protocol's.
    public internal(set) var isUpgrade = false
    /// The field lines: see `FieldLines`.
    public internal(set) var fields = 0..<0
    public internal(set) var fieldCount = 0
}

/// What a call of `ResponseParser.next` found; `consumed` as in `RequestEvent`.
public enum ResponseEvent: Equatable, Sendable {
    case needMore(consumed: Int)
    /// An interim response (1xx but 101): see `ResponseParser.head`. The final one follows.
    case interim(consumed: Int)
    /// The head of the final response.
    case head(consumed: Int)
    case body(Range<Int>, consumed: Int)
    case end(consumed: Int)
}

/// Reads a connection's responses, in the client's role. The same contract as `RequestParser`; and the framing of a response
/// depends on the request it answers, whose method the caller tells before the head is complete.
public struct ResponseParser: ~Copyable {
    private enum Place: UInt8 {
        case statusLine, fields, body
    }

    public let limits: Limits
    /// Of the request that the next head answers. Stays until it is set again.
    public var requestMethod: Method
    /// Bytes of content of one response; `contentTooLarge` above. Without a limit unless one is set.
    public var maximumBodyLength = Int64.max
    /// Of the last `.head` or `.interim`.
    public private(set) var head = ResponseHead()

    private var place = Place.statusLine
    private var failure: HTTPError?
    private var position = 0
    private var lines = FieldLineParser()
    private let known = KnownFields()
    private var body = BodyDecoder()

    public init(requestMethod: Method = .get, limits: Limits = Limits()) {
        self.limits = limits
        self.requestMethod = requestMethod
    }

    /// Where the value of the first field line of that name is, in the bytes of the last head.
    public func value(of name: FieldName) -> Range<Int>? { known.value(of: name) }

    /// Whether the last head has more than one line of that name.
    public func isRepeated(_ name: FieldName) -> Bool { known.isRepeated(name) }

    /// The next event.
    /// - Parameter bytes: everything received and not consumed yet.
    public mutating func next(_ bytes: Span<UInt8>) throws(HTTPError) -> ResponseEvent {
        if let failure { throw failure }
        do throws(HTTPError) {
            guard place == .body else { return try nextOfHead(bytes) }
            switch try body.next(bytes, maximum: maximumBodyLength) {
            case .needMore(let consumed): return .needMore(consumed: consumed)
            case .body(let range, let consumed): return .body(range, consumed: consumed)
            case .end(let consumed):
                place = .statusLine
                return .end(consumed: consumed)
            }
        } catch {
            failure = error
            throw error
        }
    }

    /// The server closed the connection, and all events were taken.
    /// - Returns: `.end` when that was the end of a response's content, `.needMore` between responses.
    /// - Throws: `unexpectedEnd` in the middle of one.
    public mutating func finish() throws(HTTPError) -> ResponseEvent {
        if let failure { throw failure }
        if place == .body, body.endsWithConnection {
            place = .statusLine
            return .end(consumed: 0)
        }
        if place == .statusLine, position == 0 { return .needMore(consumed: 0) }
        failure = .unexpectedEnd
        throw .unexpectedEnd
    }

    private mutating func nextOfHead(_ bytes: Span<UInt8>) throws(HTTPError) -> ResponseEvent {
        precondition(position <= bytes.count, "bytes of an incomplete head were taken away")
        let end = min(bytes.count, limits.head)
        guard try parseStatusLine(bytes, to: end), try parseFields(bytes, to: end) else {
            if end == limits.head { throw .headTooLarge }
            return .needMore(consumed: 0)
        }
        try interpret(bytes)
        let consumed = position
        position = 0
        if head.status < 200, head.status != 101 {
            place = .statusLine
            return .interim(consumed: consumed)
        }
        place = .body
        body.begin(head.framing, limits)
        return .head(consumed: consumed)
    }

    /// `HTTP/1.d ddd reason CR LF`; the reason, and some servers' space before it, may be missing (RFC 9112 §4).
    private mutating func parseStatusLine(_ bytes: Span<UInt8>, to end: Int) throws(HTTPError) -> Bool {
        guard place == .statusLine else { return true }
        let form: StaticString = "HTTP/1.d ddd"
        while position < end {
            let byte = bytes[position]
            if position < 12 {
                let digit = byte &- UInt8(ascii: "0")
                switch position {
                case 0: head = ResponseHead()
                case 7: head.versionMinor = digit
                case 9, 10, 11: head.status = head.status * 10 + UInt16(digit & 15)
                default: break
                }
                let expected = form.utf8Start[position]
                guard expected == UInt8(ascii: "d") ? digit <= 9 : byte == expected else { throw .malformedStatusLine }
                if position == 9, digit == 0 { throw .malformedStatusLine }
            } else if byte == Octet.lineFeed {
                if bytes[position - 1] != Octet.carriageReturn { throw .bareLineFeed }
                head.reason = min(13, position - 1)..<position - 1
                position += 1
                known.removeAll()
                lines.begin(at: position)
                head.fields = position..<position
                place = .fields
                return true
            } else if bytes[position - 1] == Octet.carriageReturn {
                throw .bareCarriageReturn
            } else if byte != Octet.carriageReturn {
                guard position == 12 ? byte == Octet.space : Octet.is(byte, Octet.fieldValue) else {
                    throw .malformedStatusLine
                }
            }
            position += 1
        }
        return false
    }

    /// - Returns: whether the empty line is there.
    private mutating func parseFields(_ bytes: Span<UInt8>, to end: Int) throws(HTTPError) -> Bool {
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

    private mutating func interpret(_ bytes: Span<UInt8>) throws(HTTPError) {
        head.fields = head.fields.lowerBound..<position
        head.fieldCount = lines.count
        head.framing = try BodyFraming.ofResponse(
            known, status: head.status, to: requestMethod, versionMinor: head.versionMinor, bytes)
        head.isUpgrade = head.status == 101 || (requestMethod == .connect && head.status / 100 == 2)
        let options = known.options
        head.keepAlive =
            head.framing != nil && !options.contains(.close)
            && (head.versionMinor > 0 || options.contains(.keepAlive))
    }
}
