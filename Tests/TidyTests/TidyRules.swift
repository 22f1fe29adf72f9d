/// The rules of the tree, as functions from a file to what is wrong with it: "path:line: what, and what instead".
/// (The tree's own test is in `TidyTests`; that each rule can fail is shown in `TidyRulesTests`.)
enum TidyRules {
    /// The arrows: the modules that a target may import. A target that is not here fails, so the table stays whole.
    static let arrows: [String: Set<String>] = [
        // Pure: values only. `Bytes` has memchr from the C library, `WebSocket` has SHA-1 from OpenSSL and
        // DEFLATE from zlib.
        "Bytes": ["Glibc"],
        "JSON": ["Bytes"],
        "HTTP1": ["Bytes"],
        "WebSocket": ["Bytes", "COpenSSL", "CZlib"],
        "Scores": ["Bytes", "JSON"],

        // Pure as well: OpenSSL without a socket. A stream of the reactor runs it.
        "TLS": ["Bytes", "COpenSSL", "Glibc"],

        // On a reactor.
        "Reactor": ["TLS", "Bytes", "CLinux", "Glibc", "Synchronization"],
        "HTTPServer": ["Reactor", "HTTP1", "WebSocket", "TLS", "Bytes", "Glibc"],
        "Postgres": ["Reactor", "Bytes", "CPostgres", "Glibc"],
        "SQLite": ["Reactor", "Bytes", "CSQLite", "Glibc", "Synchronization"],
        "AMQP": ["Reactor", "TLS", "Bytes", "CRabbitMQ", "Glibc"],
        "HTTPClient": ["Reactor", "Bytes", "CCurl", "Glibc"],

        // The one place that knows all names.
        "Gateway": [
            "HTTPServer", "HTTP1", "WebSocket", "TLS", "Postgres", "SQLite", "AMQP", "HTTPClient", "Scores", "JSON",
            "Reactor", "Bytes", "CLinux", "COpenSSL", "Glibc", "Logging", "Synchronization",
        ],
        "score-gateway": ["Gateway", "ArgumentParser", "Glibc"],

        // The load tool.
        "Bench": [
            "Reactor", "HTTP1", "WebSocket", "TLS", "AMQP", "JSON", "Bytes", "CLinux", "Glibc", "Synchronization",
            "Histogram",
        ],
        "score-bench": ["Bench", "AMQP", "ArgumentParser", "Glibc"],

        // Pieces of the gateway by themselves, to be counted and timed.
        "HotPaths": ["Gateway", "Scores", "AMQP", "WebSocket", "HTTP1", "JSON", "Reactor", "Bytes"],
        "hot-paths": ["HotPaths", "Glibc"],
    ]

    /// Imports that follow no arrow; Foundation among them, everywhere.
    static func arrows(_ file: SourceFile) -> [String] {
        guard let allowed = arrows[file.target] else {
            return ["\(file.path): the target \(file.target) has no arrows yet: enter it in TidyRules.arrows"]
        }
        return file.imports.filter { !allowed.contains($0.module) }.map {
            "\(file.path):\($0.line): \(file.target) may not import \($0.module)"
        }
    }

    /// In the modules on a reactor, what is named as a pure value does not know the reactor.
    static func pureStates(_ file: SourceFile) -> [String] {
        var endings = ["Parser", "Decoder", "Encoder", "Session", "Batch", "Window", "State"]
        if ["Postgres", "AMQP"].contains(file.target) { endings.append("Queue") }
        guard endings.contains(where: { file.name.hasSuffix("\($0).swift") }) else { return [] }
        return file.imports.filter { ["Reactor", "CLinux"].contains($0.module) }.map {
            "\(file.path):\($0.line): a name like \(file.name) is a pure value's, which does not import \($0.module)"
        }
    }

    /// What no line of code says, and what it says instead.
    static let bannedCode: [(word: String, instead: String)] = [
        ("print(", "log it, or write(2) to the descriptor that is meant"),
        ("try!", "handle the error, or state the invariant with a precondition"),
        ("fatalError()", "say which invariant broke: fatalError(\"…\")"),
        ("@unchecked Sendable", "confine it to its thread, or hand it over through Mailbox, Mutex or Atomic"),
        ("nonisolated(unsafe)", "confine it to its thread, or hand it over through Mailbox, Mutex or Atomic"),
    ]

    /// What no comment says either.
    static let bannedText: [(word: String, instead: String)] = [
        ("FIXME", "mend it now, or open an issue"),
        ("TODO", "do it now, or open an issue"),
    ]

    static func bannedWords(_ file: SourceFile) -> [String] {
        var found: [String] = []
        for (index, line) in file.codeLines.enumerated() {
            for (word, instead) in bannedCode where contains(line, word) {
                found.append("\(file.path):\(index + 1): `\(word)`: \(instead)")
            }
        }
        for (index, line) in file.lines.enumerated() {
            for (word, instead) in bannedText where contains(line, word) {
                found.append("\(file.path):\(index + 1): `\(word)`: \(instead)")
            }
        }
        return found
    }

    /// Whether a line says the word by itself: `print(` is not in `blueprint(`, nor in `log.print(`.
    private static func contains(_ line: Substring, _ word: String) -> Bool {
        var rest = line
        while let range = rest.firstRange(of: word) {
            let before = rest[..<range.lowerBound].last ?? line[..<range.lowerBound].last
            if !(before.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." } ?? false) { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }

    /// One noun a file fits on a few screens.
    static let longestFile = 500

    static func length(_ file: SourceFile) -> [String] {
        let count = file.text.hasSuffix("\n") ? file.lines.count - 1 : file.lines.count
        return count <= longestFile ? [] : ["\(file.path): \(count) lines: more than \(longestFile); it has a seam"]
    }

    /// A file is named by the noun it holds; these words name none.
    static let emptyNames = [
        "Util", "Utils", "Utilities", "Helper", "Helpers", "Manager", "Base", "Impl", "Common", "Misc",
    ]

    static func fileName(_ file: SourceFile) -> [String] {
        let stem = file.name.split(separator: ".").first.map(String.init) ?? ""
        let word = emptyNames.first { stem == $0 || stem.hasSuffix($0) }
        return word.map { ["\(file.path): \($0) names nothing: name the file by its type"] } ?? []
    }

    static func all(_ file: SourceFile) -> [String] {
        arrows(file) + pureStates(file) + bannedWords(file) + length(file) + fileName(file)
    }
}
