// Properties of the reader of `.env` files: it answers any text with variables or with an error that names a line of it;
// what it took, written back a line each, is read as the same; the kind of line ends, and other lines around, change
// nothing.

@testable import Gateway

@c(LLVMFuzzerTestOneInput)
public func fuzzDotEnv(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    // Files come as text: what is no UTF-8 has become U+FFFD before it gets here.
    let text = String(decoding: input, as: UTF8.self)
    let read = outcome(text)
    switch read {
    case .success(let variables): rewrite(variables, text)
    case .failure(let error):
        let lines = text.utf8.count { $0 == 0x0a } + 1
        precondition((1...lines).contains(error.line), "an error on a line that is not there")
        precondition(!error.expected.isEmpty, "an error without a word")
        // The lines before it are sound, and it is this one that is not.
        let head = text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).prefix(error.line - 1)
        let before = outcome(String(decoding: Array(head.joined(separator: [0x0a])), as: UTF8.self))
        guard case .success = before else { preconditionFailure("another line is at fault") }
        precondition(outcome("\n" + text.withoutMark) == .failure(error.below(1)), "the line is counted otherwise")
    }
    value(text)
    return 0
}

private func outcome(_ text: String) -> Result<[String: String], DotEnv.SyntaxError> {
    do throws(DotEnv.SyntaxError) {
        return .success(try DotEnv.parse(text))
    } catch {
        return .failure(error)
    }
}

private func rewrite(_ variables: [String: String], _ text: String) {
    for (name, value) in variables {
        precondition(!name.isEmpty && !value.utf8.contains(0), "what no environment can hold")
    }
    let lines = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\(DotEnv.quoted($0.value))" }
    let written = lines.joined(separator: "\n")
    precondition(outcome(written) == .success(variables), "written back, it is read as something else")
    precondition(outcome(lines.joined(separator: "\r\n")) == .success(variables), "CR LF changes it")
    precondition(
        outcome(lines.map { "export \($0) # \u{e9}" }.joined(separator: "\n")) == .success(variables),
        "export and a comment change it")
    // Of a name given twice the last wins, so what is appended once more changes nothing.
    precondition(outcome(text + "\n" + written) == .success(variables), "appended, it changes something")
    precondition(outcome("# first\n\n" + text.withoutMark) == .success(variables), "a comment changes what follows")
}

/// Any text that an environment can hold is a value.
private func value(_ text: String) {
    guard !text.utf8.contains(0) else { return }
    precondition(outcome("A=\(DotEnv.quoted(text))") == .success(["A": text]), "a value is read as another one")
}

extension String {
    /// The byte order mark is one at the beginning only.
    fileprivate var withoutMark: String {
        let bytes = Array(utf8)
        return bytes.starts(with: [0xef, 0xbb, 0xbf]) ? String(decoding: bytes.dropFirst(3), as: UTF8.self) : self
    }
}

extension DotEnv.SyntaxError {
    fileprivate func below(_ lines: Int) -> DotEnv.SyntaxError {
        DotEnv.SyntaxError(line: line + lines, expected: expected)
    }
}
