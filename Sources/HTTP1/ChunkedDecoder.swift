import Bytes

/// Takes the chunked transfer coding off (RFC 9112 §7.1), across any cut of the bytes:
///
///     1a3 [; name [= value]]* CR LF     size, in hexadecimal digits; extensions are checked and passed over
///     …0x1a3 bytes… CR LF
///     0 CR LF                           the last chunk
///     Name: value CR LF                 trailer section: checked, bounded, passed over
///     CR LF
///
/// Trailers never become fields of the head, whatever their names are (RFC 9110 §6.5.1), so they cannot change the framing.
struct ChunkedDecoder {
    private enum Place: UInt8 {
        case sizeStart, size, sizeLineFeed
        case beforeSemicolon, beforeExtensionName, extensionName, afterExtensionName
        case beforeExtensionValue, extensionToken, quotedString, quotedPair, quotedEnd, afterExtensionValue
        case data, dataCarriageReturn, dataLineFeed
        case trailers
    }

    private var limits = Limits()
    private var place = Place.sizeStart
    /// Of the chunk under way: first its size, then what is left of it.
    private var remaining: Int64 = 0
    private var total: Int64 = 0
    private var lineLength = 0
    private var extensionsLength = 0
    private var trailersLength = 0
    private var lines = FieldLineParser()

    mutating func begin(_ limits: Limits) {
        self.limits = limits
        place = .sizeStart
        remaining = 0
        total = 0
        lineLength = 0
        extensionsLength = 0
        trailersLength = 0
        lines.begin(at: 0)
    }

    /// - Parameter maximum: bytes of content in all; `contentTooLarge` at the end of the line of the chunk that goes above.
    mutating func next(_ bytes: Span<UInt8>, maximum: Int64) throws(HTTPError) -> BodyStep {
        var offset = 0
        while offset < bytes.count {
            switch place {
            case .data:
                let count = Int(min(remaining, Int64(bytes.count - offset)))
                remaining -= Int64(count)
                if remaining == 0 { place = .dataCarriageReturn }
                return .body(offset..<offset + count, consumed: offset + count)
            case .dataCarriageReturn:
                if bytes[offset] != Octet.carriageReturn { throw .malformedChunkEnd }
                place = .dataLineFeed
            case .dataLineFeed:
                if bytes[offset] != Octet.lineFeed { throw .malformedChunkEnd }
                place = .sizeStart
                lineLength = 0
            case .trailers:
                return try skipTrailers(bytes, from: offset)
            default:
                try readLine(bytes[offset], maximum)
            }
            offset += 1
        }
        return .needMore(consumed: offset)
    }

    /// One byte of the line before a chunk.
    private mutating func readLine(_ byte: UInt8, _ maximum: Int64) throws(HTTPError) {
        lineLength += 1
        if lineLength > limits.chunkLine { throw .chunkLineTooLong }
        if place == .sizeLineFeed {
            if byte != Octet.lineFeed { throw .bareCarriageReturn }
            if remaining > maximum - total { throw .contentTooLarge }
            total += remaining
            place = remaining == 0 ? .trailers : .data
            return
        }
        if byte == Octet.lineFeed { throw .bareLineFeed }
        if place == .sizeStart || place == .size {
            try readSize(byte)
        } else {
            extensionsLength += 1
            if extensionsLength > limits.chunkExtensions { throw .chunkLineTooLong }
            try readExtension(byte)
        }
    }

    private mutating func readSize(_ byte: UInt8) throws(HTTPError) {
        if let digit = byte.hexadecimalValue {
            if remaining > Int64.max >> 4 { throw .chunkSizeOverflow }
            remaining = remaining << 4 | Int64(digit)
            place = .size
            return
        }
        guard place == .size else { throw .malformedChunkSize }
        switch byte {
        case Octet.carriageReturn: place = .sizeLineFeed
        case UInt8(ascii: ";"): place = .beforeExtensionName
        case Octet.space, Octet.tab: place = .beforeSemicolon
        default: throw .malformedChunkSize
        }
    }

    /// *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ), RFC 9112 §7.1.1. Bad white space has to be read.
    private mutating func readExtension(_ byte: UInt8) throws(HTTPError) {
        let isToken = Octet.is(byte, Octet.token)
        let isBlank = Octet.isBlank(byte)
        switch place {
        case .beforeSemicolon:
            if byte == UInt8(ascii: ";") {
                place = .beforeExtensionName
            } else if !isBlank {
                throw .malformedChunkSize
            }
        case .beforeExtensionName where isBlank, .extensionName where isToken, .beforeExtensionValue where isBlank,
            .extensionToken where isToken:
            break
        case .beforeExtensionName where isToken:
            place = .extensionName
        case .beforeExtensionValue where isToken:
            place = .extensionToken
        case .beforeExtensionValue where byte == UInt8(ascii: "\""):
            place = .quotedString
        case .extensionName, .afterExtensionName, .extensionToken, .quotedEnd, .afterExtensionValue:
            try readAfterPart(byte)
        case .quotedString where Octet.is(byte, Octet.fieldValue):
            if byte == UInt8(ascii: "\"") { place = .quotedEnd }
            if byte == UInt8(ascii: "\\") { place = .quotedPair }
        case .quotedPair where Octet.is(byte, Octet.fieldValue):
            place = .quotedString
        default:
            throw .malformedChunkExtension
        }
    }

    /// A byte after, or at the end of, an extension's name or value.
    private mutating func readAfterPart(_ byte: UInt8) throws(HTTPError) {
        let isName = place == .extensionName || place == .afterExtensionName
        // No blank may stand before the line's end: BWS belongs to the ";" or "=" that follows it.
        let mayEnd = place != .afterExtensionName && place != .afterExtensionValue
        switch byte {
        case UInt8(ascii: ";"): place = .beforeExtensionName
        case UInt8(ascii: "=") where isName: place = .beforeExtensionValue
        case Octet.space, Octet.tab: place = isName ? .afterExtensionName : .afterExtensionValue
        case Octet.carriageReturn where mayEnd: place = .sizeLineFeed
        default: throw .malformedChunkExtension
        }
    }

    private mutating func skipTrailers(_ bytes: Span<UInt8>, from offset: Int) throws(HTTPError) -> BodyStep {
        // Nothing of a trailer is kept, so what was read is consumed at once and offsets begin anew.
        let end = min(bytes.count, offset + limits.trailers - trailersLength)
        lines.move(to: offset)
        while true {
            switch try lines.next(bytes, to: end, maximum: limits.fields) {
            case .line: continue
            case .end: return .end(consumed: lines.position)
            case .needMore:
                trailersLength += end - offset
                if trailersLength == limits.trailers { throw .trailersTooLarge }
                return .needMore(consumed: end)
            }
        }
    }
}
