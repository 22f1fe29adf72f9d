import Glibc

/// Blocking text output of the commands; a server logs instead.
enum StandardOutput {
    static func write(_ text: String) { Output.write(text, to: STDOUT_FILENO) }
}

enum StandardError {
    static func write(_ text: String) { Output.write(text, to: STDERR_FILENO) }
}

private enum Output {
    static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
