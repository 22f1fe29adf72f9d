import Bytes

/// Walks over the value of `Sec-WebSocket-Extensions` (RFC 6455, 9.1), whatever the extensions are.
///
///     extension-list  = 1#( token *( ";" parameter ) )
///     parameter       = token [ "=" ( token | quoted-string whose unescaped content is a token ) ]
struct ExtensionParser {
    enum Part: Equatable {
        /// An extension is offered.
        case name(Range<Int>)
        /// A parameter of the extension named last. A value may have backslashes in it where it was quoted.
        case parameter(Range<Int>, value: Range<Int>?)
        case end
        /// No value that the RFC knows.
        case malformed
    }

    private var position = 0
    /// An extension was named, and neither a comma nor an error came after it.
    private var isInExtension = false

    mutating func next(_ bytes: Span<UInt8>) -> Part {
        skipBlanks(bytes)
        if isInExtension {
            switch peek(bytes) {
            case UInt8(ascii: ";"):
                position += 1
                return parameter(bytes)
            case UInt8(ascii: ","): isInExtension = false
            case nil: return .end
            default: return .malformed
            }
        }
        // Empty elements of a list count for nothing (RFC 9110, 5.6.1).
        while peek(bytes) == UInt8(ascii: ",") {
            position += 1
            skipBlanks(bytes)
        }
        guard peek(bytes) != nil else { return .end }
        guard let name = token(bytes) else { return .malformed }
        isInExtension = true
        return .name(name)
    }

    private mutating func parameter(_ bytes: Span<UInt8>) -> Part {
        skipBlanks(bytes)
        guard let name = token(bytes) else { return .malformed }
        skipBlanks(bytes)
        guard peek(bytes) == UInt8(ascii: "=") else { return .parameter(name, value: nil) }
        position += 1
        skipBlanks(bytes)
        guard let value = peek(bytes) == UInt8(ascii: "\"") ? quoted(bytes) : token(bytes) else { return .malformed }
        return .parameter(name, value: value)
    }

    private func peek(_ bytes: Span<UInt8>) -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func skipBlanks(_ bytes: Span<UInt8>) {
        while let byte = peek(bytes), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { position += 1 }
    }

    private mutating func token(_ bytes: Span<UInt8>) -> Range<Int>? {
        let start = position
        while let byte = peek(bytes), byte.isTokenCharacter { position += 1 }
        return start == position ? nil : start..<position
    }

    /// What stands between the quotation marks.
    private mutating func quoted(_ bytes: Span<UInt8>) -> Range<Int>? {
        position += 1
        let start = position
        while let byte = peek(bytes) {
            if byte == UInt8(ascii: "\"") {
                defer { position += 1 }
                return start == position ? nil : start..<position
            }
            if byte == UInt8(ascii: "\\") { position += 1 }
            guard let content = peek(bytes), content.isTokenCharacter else { return nil }
            position += 1
        }
        return nil
    }
}

extension UInt8 {
    /// `tchar` (RFC 9110, 5.6.2).
    fileprivate var isTokenCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
