import Bytes

/// How long a message's content is (RFC 9112 §6.3).
///
/// Whoever reads this differently from the peer in front of it lets requests be smuggled. So all of the decision is here,
/// and everything that leaves room for a second reading is an error.
public enum BodyFraming: Equatable, Sendable {
    /// No content, and nothing that says so.
    case none
    /// So many bytes, from Content-Length.
    case length(Int64)
    case chunked

    /// The framing of a request.
    init(ofRequest fields: borrowing KnownFields, versionMinor: UInt8, _ bytes: Span<UInt8>) throws(HTTPError) {
        self = try Self(fields, versionMinor, bytes) ?? .none
    }

    /// The framing of a response, or nil when it ends with the connection.
    static func ofResponse(
        _ fields: borrowing KnownFields, status: UInt16, to method: Method, versionMinor: UInt8, _ bytes: Span<UInt8>
    ) throws(HTTPError) -> BodyFraming? {
        // Both are checked even where they mean nothing: a server that sends nonsense there will send it elsewhere.
        let framing = try Self(fields, versionMinor, bytes)
        if method == .head || status < 200 || status == 204 || status == 304 { return BodyFraming.none }
        if method == .connect, status < 300 { return BodyFraming.none }
        return framing
    }

    /// What the fields say, or nil when they say nothing.
    private init?(
        _ fields: borrowing KnownFields, _ versionMinor: UInt8, _ bytes: Span<UInt8>
    ) throws(HTTPError) {
        if let codings = fields.value(of: .transferEncoding) {
            if fields.has(.contentLength) { throw .contentLengthWithTransferEncoding }
            if versionMinor == 0 { throw .transferEncodingInHTTP10 }
            if fields.isRepeated(.transferEncoding) { throw .repeatedTransferEncoding }
            try Self.checkIsChunked(bytes.extracting(codings))
            self = .chunked
        } else if let length = fields.value(of: .contentLength) {
            if fields.isRepeated(.contentLength) { throw .repeatedContentLength }
            self = .length(try Self.contentLength(bytes.extracting(length)))
        } else {
            return nil
        }
    }

    /// One "chunked" and nothing else. Another coding under it is merely not implemented; anything else has no certain end.
    private static func checkIsChunked(_ value: Span<UInt8>) throws(HTTPError) {
        if value.isToken("chunked") { return }
        var list = TokenList(value.count)
        var chunked = 0
        var endsChunked = false
        while let element = list.next(value) {
            endsChunked = value.extracting(element).isToken("chunked")
            if endsChunked { chunked += 1 }
            for offset in element where !Octet.is(value[offset], Octet.token) { throw .chunkedNotFinal }
        }
        // A comma that separates nothing is legal, but only ever seen in attacks.
        let commaAtEnd =
            value.count > 0 && (value[0] == UInt8(ascii: ",") || value[value.count - 1] == UInt8(ascii: ","))
        throw endsChunked && chunked == 1 && !commaAtEnd && value.firstIndex(of: UInt8(ascii: ",")) != nil
            ? .unsupportedTransferCoding : .chunkedNotFinal
    }

    /// Digits and nothing else: no sign, no list (RFC 9110 §8.6 would let equal members be joined), no blanks.
    private static func contentLength(_ value: Span<UInt8>) throws(HTTPError) -> Int64 {
        if let length = value.decimalValue { return length }
        if value.count == 0 { throw .malformedContentLength }
        for offset in 0..<value.count where value[offset] &- UInt8(ascii: "0") > 9 { throw .malformedContentLength }
        throw .contentLengthOverflow
    }
}
