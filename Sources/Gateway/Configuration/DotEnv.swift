/// A `.env` file: variables for those who start the program without a shell or an orchestrator.
///
///     # a comment, and blank lines
///     PORT=8000                         # a comment after a blank
///     export LOG_LEVEL=debug            the word export changes nothing
///     SLACK_CHANNEL=#scores             a # that follows no blank belongs to the value
///     A='as it is: $ \ "'               single quotes: nothing is special but the quote
///     B="two\nlines, a \" and a \\"     double quotes: \n \r \t \\ \" \' \$ \` are known, others are an error
///
/// Nothing is expanded: `$` is a dollar sign. A quoted value ends on its line. Of a name given twice, the last wins, so
/// that a line can be appended. Anything else is an error that names the line, but repeats nothing of it: it may be a
/// password.
enum DotEnv {
    struct SyntaxError: Error, Equatable {
        /// Counted from 1.
        var line: Int
        var expected: String
    }

    static func parse(_ text: String) throws(SyntaxError) -> [String: String] {
        var variables: [String: String] = [:]
        var bytes = Array(text.utf8)[...]
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes = bytes.dropFirst(3) }
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            do throws(LineError) {
                var line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
                if let (name, value) = try parse(line: &line) { variables[name] = value }
            } catch {
                throw SyntaxError(line: index + 1, expected: error.expected)
            }
        }
        return variables
    }

    private struct LineError: Error {
        var expected: String

        init(_ expected: String) { self.expected = expected }
    }

    private static func parse(line: inout ArraySlice<UInt8>) throws(LineError) -> (String, String)? {
        line = line.drop(while: isBlank)
        if line.isEmpty || line.first == UInt8(ascii: "#") { return nil }
        if line.starts(with: "export".utf8), line.dropFirst(6).first.map(isBlank) == true {
            line = line.dropFirst(6).drop(while: isBlank)
        }
        let name = line.prefix { isNameByte($0) }
        line = line[name.endIndex...].drop(while: isBlank)
        guard let first = name.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
            line.first == UInt8(ascii: "=")
        else { throw LineError("expected NAME=value") }
        let afterEquals = line.dropFirst()
        line = afterEquals.drop(while: isBlank)
        let value: [UInt8]
        switch line.first {
        case UInt8(ascii: "'"): value = try singleQuoted(&line)
        case UInt8(ascii: "\""): value = try doubleQuoted(&line)
        // Blanks in front belong to the line, so that a # after them begins a comment.
        default: return (String(decoding: name, as: UTF8.self), try text(unquoted(afterEquals)))
        }
        guard line.isEmpty || isBlank(line[line.startIndex]) else {
            throw LineError("expected nothing but a comment after the closing quote")
        }
        line = line.drop(while: isBlank)
        guard line.isEmpty || line.first == UInt8(ascii: "#") else {
            throw LineError("expected nothing but a comment after the closing quote")
        }
        return (String(decoding: name, as: UTF8.self), try text(value))
    }

    private static func unquoted(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var end = line.startIndex
        while end < line.endIndex {
            if line[end] == UInt8(ascii: "#"), end > line.startIndex, isBlank(line[end - 1]) { break }
            end += 1
        }
        var value = line[..<end].drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        return Array(value)
    }

    private static func singleQuoted(_ line: inout ArraySlice<UInt8>) throws(LineError) -> [UInt8] {
        let body = line.dropFirst()
        guard let end = body.firstIndex(of: UInt8(ascii: "'")) else {
            throw LineError("expected a closing ' on the same line")
        }
        line = body[(end + 1)...]
        return Array(body[..<end])
    }

    private static func doubleQuoted(_ line: inout ArraySlice<UInt8>) throws(LineError) -> [UInt8] {
        var value: [UInt8] = []
        line = line.dropFirst()
        while let byte = line.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return value
            case UInt8(ascii: "\\"):
                switch line.popFirst() {
                case UInt8(ascii: "n"): value.append(UInt8(ascii: "\n"))
                case UInt8(ascii: "r"): value.append(UInt8(ascii: "\r"))
                case UInt8(ascii: "t"): value.append(UInt8(ascii: "\t"))
                case let known? where "\\\"'$`".utf8.contains(known): value.append(known)
                default:
                    throw LineError("expected one of \\n \\r \\t \\\\ \\\" \\' \\$ \\` (write \\\\ for a backslash)")
                }
            default: value.append(byte)
            }
        }
        throw LineError("expected a closing \" on the same line")
    }

    private static func text(_ bytes: [UInt8]) throws(LineError) -> String {
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw LineError("expected UTF-8 text without U+0000")
        }
        return text
    }

    /// The value as a line of a `.env` file needs it: quoted when something in it would be read otherwise.
    static func quoted(_ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { byte in
            byte > 0x20 && byte != 0x7f && !"#'\"\\$`".utf8.contains(byte)
        }
        if isPlain { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\\", "\"", "$", "`": quoted += "\\" + String(scalar)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
