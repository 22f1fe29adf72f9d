import Glibc

/// A small text file, read whole. Blocking: at start only, before any reactor runs.
enum TextFile {
    enum Failure: Error, Equatable {
        /// The call and what it said.
        case system(Int32)
        case tooLarge
        case notText

        var message: String {
            switch self {
            case .system(let code): String(cString: strerror(code))
            case .tooLarge: "larger than \(Quantity.text(bytes: ConfigurationLimits.fileBytes))"
            case .notText: "not UTF-8 text without U+0000"
            }
        }
    }

    static func read(_ path: String) throws(Failure) -> String {
        // O_NONBLOCK: a FIFO without a writer must not hang the start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(errno) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= ConfigurationLimits.fileBytes else { throw .tooLarge }
        }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
        return text
    }
}
