import Bytes

/// A strict pull reader of one JSON text (RFC 8259).
///
/// The caller asks for what it expects next and decides what to do with it; nothing is built and nothing is allocated:
///
///     { "user" : "ada" , "score" : 3 }
///     │ │        │       │         │ └ member() → nil
///     │ │        │       │         └── value()  → .number(.integer(3))
///     │ │        │       └──────────── member() → "score"
///     │ │        └──────────────────── value()  → .string
///     │ └───────────────────────────── member() → "user"
///     └─────────────────────────────── value()  → .object          and at last end()
///
/// After `member()` gave a name and after `element()` gave true, exactly one `value()` must follow; a container that
/// `value()` opened is gone through to its end or skipped. `isFirst` is the only memory of commas that this needs: it is
/// set when a container opens and cleared by its first member, so after an inner container closed it is false, as the
/// outer one then has at least that member.
///
/// After an error the reader is spent. Repeated names are the caller's business: RFC 8259 leaves them open.
public struct JSONReader: ~Escapable {
    private let bytes: Span<UInt8>
    /// The offset of the next byte that was not read.
    public private(set) var position = 0
    private var depth = 0
    private var isFirst = false

    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    /// Reads a scalar whole, or opens a container.
    public mutating func value() throws(JSONError) -> JSONValue {
        switch try nextByte() {
        case UInt8(ascii: "\""):
            position += 1
            return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try number())
        case UInt8(ascii: "{"):
            try open()
            return .object
        case UInt8(ascii: "["):
            try open()
            return .array
        case UInt8(ascii: "t"):
            try literal("true")
            return .boolean(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .boolean(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        default:
            let isMark = position == 0 && bytes.count >= 3 && bytes.starts(with: "\u{FEFF}")
            throw JSONError(isMark ? .byteOrderMark : .unexpectedByte, at: position)
        }
    }

    /// The name of the next member of the object that was opened last, its colon read; nil when the object ended.
    public mutating func member() throws(JSONError) -> JSONString? {
        guard try hasNext(closing: UInt8(ascii: "}")) else { return nil }
        guard try nextByte() == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: position) }
        position += 1
        let name = try string()
        guard try nextByte() == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: position) }
        position += 1
        return name
    }

    /// Whether the array that was opened last has another element; false when it ended.
    public mutating func element() throws(JSONError) -> Bool {
        try hasNext(closing: UInt8(ascii: "]"))
    }

    /// Reads `value` to its end when it is a container that was just opened.
    @inlinable public mutating func skip(_ value: JSONValue) throws(JSONError) {
        switch value {
        case .object: try skipContainer(isObject: true)
        case .array: try skipContainer(isObject: false)
        default: break
        }
    }

    @usableFromInline mutating func skipContainer(isObject: Bool) throws(JSONError) {
        // One bit a level says whether it is an object; the limit of depth keeps it in a word.
        var kinds: UInt64 = isObject ? 1 : 0
        var level = 1
        while level > 0 {
            let more = kinds & 1 == 1 ? try member() != nil : try element()
            guard more else {
                kinds >>= 1
                level -= 1
                continue
            }
            switch try value() {
            case .object:
                kinds = kinds << 1 | 1
                level += 1
            case .array:
                kinds <<= 1
                level += 1
            default: break
            }
        }
    }

    /// The text ends here but for blanks.
    public mutating func end() throws(JSONError) {
        skipBlanks()
        guard position == bytes.count else { throw JSONError(.trailingBytes, at: position) }
    }

    // MARK: - Structure

    /// Mostly there is none, and mostly the next byte is a token: that much is worth inlining.
    @inline(__always) private mutating func skipBlanks() {
        if position < bytes.count, bytes[position] > 0x20 { return }
        skipAllBlanks()
    }

    private mutating func skipAllBlanks() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// The byte that begins the next token; it stays unread.
    @inline(__always) private mutating func nextByte() throws(JSONError) -> UInt8 {
        skipBlanks()
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        return bytes[position]
    }

    private mutating func open() throws(JSONError) {
        guard depth < JSONLimits.depth else { throw JSONError(.tooDeep, at: position) }
        depth += 1
        position += 1
        isFirst = true
    }

    @inline(__always) private mutating func hasNext(closing: UInt8) throws(JSONError) -> Bool {
        precondition(depth > 0, "asked for the contents of nothing")
        let byte = try nextByte()
        if byte == closing {
            position += 1
            depth -= 1
            isFirst = false
            return false
        }
        if !isFirst {
            guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte, at: position) }
            position += 1
        }
        isFirst = false
        return true
    }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        for index in 0..<text.utf8CodeUnitCount {
            guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
            guard bytes[position] == text.utf8Start[index] else { throw JSONError(.unexpectedByte, at: position) }
            position += 1
        }
    }

    // MARK: - Numbers

    private mutating func number() throws(JSONError) -> JSONNumber {
        let isNegative = bytes[position] == UInt8(ascii: "-")
        let start = isNegative ? position + 1 : position
        var magnitude: UInt64 = 0
        var isOversized = false
        var index = start
        while index < bytes.count {
            let digit = bytes[index] &- 0x30
            guard digit <= 9 else { break }
            if index - start < 18 {
                magnitude = magnitude &* 10 &+ UInt64(digit)
            } else {
                let (scaled, overflow) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, carried) = scaled.addingReportingOverflow(UInt64(digit))
                magnitude = sum
                isOversized = isOversized || overflow || carried
            }
            index += 1
        }
        position = index
        let digits = position - start
        guard digits > 0 else { throw JSONError(position < bytes.count ? .badNumber : .unexpectedEnd, at: position) }
        guard digits == 1 || bytes[start] != UInt8(ascii: "0") else { throw JSONError(.badNumber, at: start) }
        if position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
                try fractionAndExponent()
                return .fractional
            default: break
            }
        }
        if isOversized { return .oversized }
        if isNegative {
            return magnitude <= Int64.min.magnitude ? .integer(Int64(truncatingIfNeeded: 0 &- magnitude)) : .oversized
        }
        return Int64(exactly: magnitude).map { .integer($0) } ?? .oversized
    }

    private mutating func fractionAndExponent() throws(JSONError) {
        if bytes[position] == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        guard position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") else { return }
        position += 1
        if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
            position += 1
        }
        try digits()
    }

    /// One digit or more.
    private mutating func digits() throws(JSONError) {
        let start = position
        while position < bytes.count, bytes[position] &- 0x30 <= 9 { position += 1 }
        guard position > start else {
            throw JSONError(position < bytes.count ? .badNumber : .unexpectedEnd, at: position)
        }
    }

    // MARK: - Strings

    /// Reads to the closing quote; the opening one was read.
    private mutating func string() throws(JSONError) -> JSONString {
        let start = position
        var contents: JSONString.Contents = []
        while true {
            position = bytes.firstSpecial(from: position)
            guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return JSONString(range: start..<(position - 1), contents: contents)
            }
            if byte == UInt8(ascii: "\\") {
                contents.formUnion(try escape())
            } else if byte < 0x20 {
                throw JSONError(.controlCharacter, at: position)
            } else {
                guard let length = bytes.utf8SequenceLength(at: position) else {
                    throw JSONError(.badUTF8, at: position)
                }
                position += length
                contents.insert(.multibyte)
            }
        }
    }

    private mutating func escape() throws(JSONError) -> JSONString.Contents {
        guard position + 1 < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
        let letter = bytes[position + 1]
        if JSONEscape.byte(for: letter) != nil {
            position += 2
            return .escapes
        }
        guard letter == UInt8(ascii: "u"), let unit = JSONEscape.unit(of: bytes, at: position) else {
            throw JSONError(.badEscape, at: position)
        }
        position += 6
        switch unit {
        case 0: return [.escapes, .nul]
        case 0xD800...0xDBFF:
            guard let low = JSONEscape.unit(of: bytes, at: position), low & 0xFC00 == 0xDC00 else {
                return [.escapes, .loneSurrogate]
            }
            position += 6
            return .escapes
        case 0xDC00...0xDFFF: return [.escapes, .loneSurrogate]
        default: return .escapes
        }
    }
}
