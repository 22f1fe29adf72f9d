import Bytes

/// Reads field lines one by one (RFC 9112 §5), across any cut of the bytes, looking at each byte once:
///
///     Name : OWS value OWS CR LF          and at last          CR LF
///     │    │     │       │  │                                  │
///     │    │     │       │  lineFeed                           lastLineFeed
///     │    │     │       value runs up to the CR; the blanks before it are trimmed
///     name beforeValue
///
/// It keeps offsets, not bytes: the caller presents the same bytes again, with more after them. An error depends on the
/// bytes before it alone, never on how they were cut.
struct FieldLineParser {
    enum Step {
        case needMore
        /// A field line ended: see `name` and `value`.
        case line
        /// The empty line ended the section.
        case end
    }

    private enum Place: UInt8 {
        case lineStart, name, beforeValue, value, lineFeed, lastLineFeed
    }

    /// The offset of the next byte to look at.
    private(set) var position = 0
    private(set) var count = 0
    private var place = Place.lineStart
    private var nameStart = 0
    private var nameEnd = 0
    private var valueStart = 0

    /// Begins a new section at `position`.
    mutating func begin(at position: Int) {
        self.position = position
        count = 0
        place = .lineStart
    }

    /// Goes on at `position` of other bytes, for a caller that drops what was read and does not ask for names and values.
    mutating func move(to position: Int) {
        self.position = position
    }

    /// The last line's name.
    var name: Range<Int> { nameStart..<nameEnd }

    /// The last line's value without the blanks around it.
    func value(in bytes: Span<UInt8>) -> Range<Int> {
        var end = position - 2
        while end > valueStart, Octet.isBlank(bytes[end - 1]) { end -= 1 }
        return valueStart..<end
    }

    /// - Parameters:
    ///   - end: bytes from there on are not looked at.
    ///   - maximum: how many lines the section may have; `tooManyFields` above.
    mutating func next(
        _ bytes: Span<UInt8>, to end: Int, maximum: Int
    ) throws(HTTPError) -> Step {
        var offset = position
        defer { position = offset }
        while true {
            switch place {
            case .lineStart:
                guard offset < end else { return .needMore }
                let byte = bytes[offset]
                if byte == Octet.carriageReturn {
                    offset += 1
                    place = .lastLineFeed
                    continue
                }
                if !Octet.is(byte, Octet.token) { throw Self.errorAtLineStart(byte) }
                if count == maximum { throw .tooManyFields }
                nameStart = offset
                place = .name
                fallthrough
            case .name:
                offset = bytes.end(of: Octet.token, from: offset, to: end)
                guard offset < end else { return .needMore }
                if bytes[offset] != UInt8(ascii: ":") { throw Self.errorInName(bytes[offset]) }
                nameEnd = offset
                offset += 1
                place = .beforeValue
                fallthrough
            case .beforeValue:
                while offset < end, Octet.isBlank(bytes[offset]) { offset += 1 }
                guard offset < end else { return .needMore }
                valueStart = offset
                place = .value
                fallthrough
            case .value:
                offset = bytes.endOfFieldValue(from: offset, to: end)
                guard offset < end else { return .needMore }
                if bytes[offset] != Octet.carriageReturn {
                    throw bytes[offset] == Octet.lineFeed ? .bareLineFeed : .malformedFieldValue
                }
                offset += 1
                place = .lineFeed
                fallthrough
            case .lineFeed:
                guard offset < end else { return .needMore }
                if bytes[offset] != Octet.lineFeed { throw .bareCarriageReturn }
                offset += 1
                count += 1
                place = .lineStart
                return .line
            case .lastLineFeed:
                guard offset < end else { return .needMore }
                if bytes[offset] != Octet.lineFeed { throw .bareCarriageReturn }
                offset += 1
                return .end
            }
        }
    }

    private static func errorAtLineStart(_ byte: UInt8) -> HTTPError {
        switch byte {
        case Octet.space, Octet.tab: .lineFolding
        case Octet.lineFeed: .bareLineFeed
        case UInt8(ascii: ":"): .emptyFieldName
        default: .malformedFieldName
        }
    }

    private static func errorInName(_ byte: UInt8) -> HTTPError {
        switch byte {
        case Octet.space, Octet.tab: .whitespaceBeforeColon
        case Octet.lineFeed: .bareLineFeed
        case Octet.carriageReturn: .missingColon
        default: .malformedFieldName
        }
    }
}
