/// Why bytes are not JSON, and where.
public struct JSONError: Error, Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// The text stops inside a value.
        case unexpectedEnd
        /// The grammar allows no such byte here; `NaN`, comments, single quotes and trailing commas end up here.
        case unexpectedByte
        /// Something follows the value (RFC 8259, section 2).
        case trailingBytes
        /// A byte order mark at the start (section 8.1).
        case byteOrderMark
        /// A leading zero, a sign without digits, a point or an exponent without digits (section 6).
        case badNumber
        /// A backslash before something that is no escape (section 7).
        case badEscape
        /// `\ud800` without its other half. The grammar allows it, but it stands for no text (section 8.2):
        /// a string that has one is read, and only refuses to be decoded.
        case loneSurrogate
        /// U+0000 to U+001F as it is inside a string (section 7).
        case controlCharacter
        /// Overlong, cut short, a surrogate, beyond U+10FFFF, or no UTF-8 at all (RFC 3629).
        case badUTF8
        /// More than `JSONLimits.depth` containers inside one another.
        case tooDeep
    }

    public let kind: Kind
    /// Bytes before the fault, from the start of the text.
    public let offset: Int

    public init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }

    /// The fault in a few words, for an answer or a log line.
    public var message: StaticString {
        switch kind {
        case .unexpectedEnd: "the text ends inside a value"
        case .unexpectedByte: "unexpected character"
        case .trailingBytes: "something follows the value"
        case .byteOrderMark: "a byte order mark is not allowed"
        case .badNumber: "malformed number"
        case .badEscape: "malformed escape in a string"
        case .loneSurrogate: "half of a surrogate pair in a string"
        case .controlCharacter: "control character in a string"
        case .badUTF8: "malformed UTF-8"
        case .tooDeep: "nested too deep"
        }
    }
}
