import Bytes
import JSON

/// Finds the elements of a JSON array that arrives in pieces.
///
///     [ {"user":"ada","id":1,"score":3} , {"user":"bob", ⋯ ⋯ "id":2,"score":5} ]
///     │ ╰─────────── element ─────────╯ │ ╰───── element, in two pieces ─────╯ │
///     start                         separator                                ended
///
/// Only the end of an element is looked for (quotes, backslashes and brackets are enough for that), each byte once;
/// whether it is JSON is the business of the strict reader, which gets it whole. How the bytes were cut changes neither
/// the elements nor the error. The splitter keeps no bytes and has no limit: who keeps those of a cut element looks at
/// their number.
struct ArraySplitter {
    private enum State {
        case start, firstElement, element, inElement, separator, ended
    }

    /// Bytes that were looked at, from the start of the array; after a last part, where its element ends.
    private(set) var offset = 0
    private var state = State.start
    /// Of the element under way.
    private var level = 0
    private var isInString = false
    private var isEscaped = false

    /// Whether the array has ended; nothing but blanks may follow.
    var hasEnded: Bool { state == .ended }

    /// The next part of an element; nil when the piece has no more. Call it until then, with the position it left.
    /// - Throws: when this is no array; the offset counts from its start. No call may follow.
    mutating func next(_ piece: Span<UInt8>, from position: inout Int) throws(JSONError) -> ElementPart? {
        let start = position
        defer { offset += position - start }
        while true {
            if state != .inElement { skipBlanks(piece, from: &position) }
            guard position < piece.count else { return nil }
            switch (state, piece[position]) {
            case (.start, UInt8(ascii: "[")):
                state = .firstElement
            case (.firstElement, UInt8(ascii: "]")), (.separator, UInt8(ascii: "]")):
                state = .ended
            case (.separator, UInt8(ascii: ",")):
                state = .element
            case (.inElement, _):
                return takeElement(piece, from: &position)
            case (.element, UInt8(ascii: ",")), (.element, UInt8(ascii: "]")), (.element, UInt8(ascii: "}")),
                (.firstElement, UInt8(ascii: ",")), (.firstElement, UInt8(ascii: "}")),
                (.start, _), (.separator, _):
                throw JSONError(.unexpectedByte, at: offset + position - start)
            case (.element, _), (.firstElement, _):
                state = .inElement
                return takeElement(piece, from: &position)
            case (.ended, _):
                throw JSONError(.trailingBytes, at: offset + position - start)
            }
            position += 1
        }
    }

    private func skipBlanks(_ piece: Span<UInt8>, from position: inout Int) {
        while position < piece.count {
            switch piece[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func takeElement(_ piece: Span<UInt8>, from position: inout Int) -> ElementPart {
        let start = position
        let isLast = findEnd(piece, from: &position)
        if isLast { state = .separator }
        return ElementPart(range: start..<position, isLast: isLast)
    }

    /// Goes to the end of the element under way, or of the piece.
    /// - Returns: whether the element ends here.
    private mutating func findEnd(_ piece: Span<UInt8>, from position: inout Int) -> Bool {
        while position < piece.count {
            if isInString {
                guard skipString(piece, from: &position) else { return false }
                if level == 0 { return true }
                continue
            }
            switch piece[position] {
            case UInt8(ascii: "\""):
                isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                level += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // Which bracket closes which is the strict reader's business. At level 0 a bracket ends a number or a
                // literal and is not part of it.
                if level == 0 { return true }
                level -= 1
                if level == 0 {
                    position += 1
                    return true
                }
            case UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09:
                if level == 0 { return true }
            default: break
            }
            position += 1
        }
        return false
    }

    /// Goes behind the closing quote, or to the end of the piece.
    /// - Returns: whether the string ends here.
    private mutating func skipString(_ piece: Span<UInt8>, from position: inout Int) -> Bool {
        if isEscaped {
            isEscaped = false
            position += 1
        }
        while true {
            position = piece.firstToEscape(from: position)
            guard position < piece.count else { return false }
            let byte = piece[position]
            position += 1
            if byte == UInt8(ascii: "\"") {
                isInString = false
                return true
            }
            // A control character is the strict reader's business, too.
            guard byte == UInt8(ascii: "\\") else { continue }
            guard position < piece.count else {
                isEscaped = true
                return false
            }
            position += 1
        }
    }
}
