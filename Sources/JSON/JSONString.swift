import Bytes

/// A string of a JSON text that was read and found well-formed: where it is, and what is in it.
///
///     text    { "user" : "J\u00f6rgen" }
///                         ╰──────────╯ range: between the quotes
///
/// It owns nothing. A string without escapes *is* its range of the text; one with escapes is decoded only when somebody
/// wants its bytes. Every method takes the text that the string was read from.
public struct JSONString: Equatable, Sendable {
    public struct Contents: OptionSet, Equatable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// At least one backslash: the range is not the text.
        public static let escapes = Contents(rawValue: 1)
        /// At least one byte over 0x7F; all of them are well-formed UTF-8.
        public static let multibyte = Contents(rawValue: 2)
        /// `\u0000`, which PostgreSQL's text cannot hold.
        public static let nul = Contents(rawValue: 4)
        /// Half of a surrogate pair: the string stands for no text and cannot be decoded.
        public static let loneSurrogate = Contents(rawValue: 8)
    }

    /// The bytes between the quotes.
    public let range: Range<Int>
    public let contents: Contents

    @inlinable init(range: Range<Int>, contents: Contents) {
        self.range = range
        self.contents = contents
    }

    /// Whether the string is `text`, which is ASCII, whatever way it is written: `"\u0075ser"` is `user`.
    @inlinable public func equals(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        guard contents.contains(.escapes) else { return bytes.extracting(range).equals(text) }
        return equalsDecoded(text, in: bytes)
    }

    @usableFromInline func equalsDecoded(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        var index = range.lowerBound
        var matched = 0
        while index < range.upperBound {
            guard matched < text.utf8CodeUnitCount else { return false }
            let expected = UInt32(text.utf8Start[matched])
            switch Piece(of: bytes, at: &index) {
            case .byte(let byte) where UInt32(byte) == expected: matched += 1
            case .scalar(expected): matched += 1
            default: return false
            }
        }
        return matched == text.utf8CodeUnitCount
    }

    /// How many Unicode scalar values the string has: the length that PostgreSQL counts for `varchar(n)`.
    /// A lone surrogate counts as one.
    public func characterCount(in bytes: Span<UInt8>) -> Int {
        guard !contents.isDisjoint(with: [.escapes, .multibyte]) else { return range.count }
        var index = range.lowerBound
        var characters = 0
        while index < range.upperBound {
            // Continuation bytes belong to the character that their lead byte counted.
            if case .byte(let byte) = Piece(of: bytes, at: &index), byte & 0xC0 == 0x80 { continue }
            characters += 1
        }
        return characters
    }

    /// Appends the UTF-8 of what the string stands for.
    /// - Throws: `.loneSurrogate` only; nothing is appended then.
    public func decode(from bytes: Span<UInt8>, to output: inout [UInt8]) throws(JSONError) {
        guard contents.contains(.escapes) else {
            bytes.extracting(range).withUnsafeBufferPointer { output.append(contentsOf: $0) }
            return
        }
        let before = output.count
        var index = range.lowerBound
        while index < range.upperBound {
            let offset = index
            switch Piece(of: bytes, at: &index) {
            case .byte(let byte): output.append(byte)
            case .scalar(let scalar):
                guard let scalar = Unicode.Scalar(scalar) else {
                    output.removeSubrange(before...)
                    throw JSONError(.loneSurrogate, at: offset)
                }
                output.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrapped)
            }
        }
    }

    /// One step through a string that was found well-formed: a byte that stands for itself, or an escape.
    private enum Piece {
        case byte(UInt8)
        /// A surrogate's value when its other half is missing.
        case scalar(UInt32)

        init(of bytes: Span<UInt8>, at index: inout Int) {
            let byte = bytes[index]
            guard byte == UInt8(ascii: "\\") else {
                index += 1
                self = .byte(byte)
                return
            }
            let escape = bytes[index + 1]
            guard escape == UInt8(ascii: "u") else {
                index += 2
                self = .byte(JSONEscape.byte(for: escape) ?? escape)
                return
            }
            let unit = UInt32(JSONEscape.unit(of: bytes, at: index) ?? 0)
            index += 6
            if unit & 0xFC00 == 0xD800, let low = JSONEscape.unit(of: bytes, at: index), low & 0xFC00 == 0xDC00 {
                index += 6
                self = .scalar(0x10000 + (unit & 0x3FF) << 10 + UInt32(low & 0x3FF))
            } else {
                self = .scalar(unit)
            }
        }
    }
}

/// The escapes of RFC 8259, section 7.
enum JSONEscape {
    /// What the letter after a backslash stands for, or nil for `u` and for what is no escape.
    static func byte(for letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// The UTF-16 unit of the `\uXXXX` at `index`, or nil when there is none.
    static func unit(of bytes: Span<UInt8>, at index: Int) -> UInt16? {
        guard bytes.count - index >= 6, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt16 = 0
        for digit in (index + 2)..<(index + 6) {
            guard let value = bytes[digit].hexadecimalValue else { return nil }
            unit = unit << 4 | UInt16(value)
        }
        return unit
    }
}
