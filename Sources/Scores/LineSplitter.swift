import Bytes

/// Finds the lines of newline-delimited JSON, which arrives in pieces. What ends a line is `\n` or `\r\n`; the last one
/// may lack it.
enum LineSplitter {
    /// The next part of a line, without its `\n`; nil when the piece has no more.
    static func next(_ piece: Span<UInt8>, from position: inout Int) -> ElementPart? {
        guard position < piece.count else { return nil }
        let start = position
        guard let length = piece.extracting(start...).firstIndex(of: UInt8(ascii: "\n")) else {
            position = piece.count
            return ElementPart(range: start..<piece.count, isLast: false)
        }
        position = start + length + 1
        return ElementPart(range: start..<(start + length), isLast: true)
    }

    /// What a whole line says: without the `\r` of its end. Nil for a blank line, which says nothing.
    @_lifetime(copy line)
    static func contents(of line: Span<UInt8>) -> Span<UInt8>? {
        var end = line.count
        if end > 0, line[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        for index in 0..<end where line[index] != 0x20 && line[index] != 0x09 && line[index] != 0x0D {
            return line.extracting(0..<end)
        }
        return nil
    }
}
