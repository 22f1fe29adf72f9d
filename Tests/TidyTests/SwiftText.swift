/// Just enough of Swift's lexer to tell code from comments and literals.
enum SwiftText {
    /// The text with comments and the contents of string literals blanked; every line break stays, so lines keep
    /// their numbers. Interpolations count as contents.
    static func code(of text: String) -> String {
        var output = ""
        var rest = Substring(text)
        while let character = rest.first {
            if rest.hasPrefix("//") {
                rest = rest.drop { $0 != "\n" }
            } else if rest.hasPrefix("/*") {
                skipComment(&rest, &output)
            } else if let fence = fence(of: rest) {
                skipString(&rest, &output, fence: fence)
            } else {
                output.append(character)
                rest.removeFirst()
            }
        }
        return output
    }

    /// How the literal that begins here opens: `"`, `"""`, `#"`, `##"""`; nil when none begins here.
    private static func fence(of text: Substring) -> String? {
        let hashes = text.prefix { $0 == "#" }
        let quotes = text.dropFirst(hashes.count)
        if quotes.hasPrefix(#"""""#) { return hashes + #"""""# }
        return quotes.hasPrefix("\"") ? hashes + "\"" : nil
    }

    private static func skipString(_ rest: inout Substring, _ output: inout String, fence: String) {
        let hashes = String(fence.prefix { $0 == "#" })
        let end = String(fence.dropFirst(hashes.count)) + hashes
        let escape = "\\" + hashes
        rest.removeFirst(fence.count)
        output += "\""
        while let character = rest.first, !rest.hasPrefix(end) {
            if rest.hasPrefix(escape), rest.count > escape.count {
                rest.removeFirst(escape.count)
                if rest.first == "\n" { output += "\n" }
                rest.removeFirst()
            } else {
                if character == "\n" { output += "\n" }
                rest.removeFirst()
            }
        }
        rest = rest.dropFirst(end.count)
        output += "\""
    }

    /// Swift's block comments nest.
    private static func skipComment(_ rest: inout Substring, _ output: inout String) {
        var depth = 0
        repeat {
            if rest.hasPrefix("/*") {
                depth += 1
                rest.removeFirst(2)
            } else if rest.hasPrefix("*/") {
                depth -= 1
                rest.removeFirst(2)
            } else if rest.removeFirst() == "\n" {
                output += "\n"
            }
        } while depth > 0 && !rest.isEmpty
    }
}
