import ArgumentParser
import Glibc

/// A file that a report goes to. It is opened before the run: who has measured for an hour does not want to hear then that
/// there is no such folder.
struct OutputFile: ~Copyable {
    private let path: String
    private let descriptor: Int32
    /// Nothing was there before, and nothing is in it yet.
    private var isNew: Bool

    init(_ path: String) throws {
        self.path = path
        var descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        isNew = descriptor >= 0
        // What is in one that is there stays until there is something better.
        if descriptor < 0, errno == EEXIST { descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
        if isNew { unlink(path) }
    }

    /// Writes all of it in place of what was there.
    /// - Returns: why it could not; nil when it could.
    mutating func replace(with bytes: [UInt8]) -> String? {
        isNew = false
        // A pipe has no length.
        guard ftruncate(descriptor, 0) == 0 || errno == EINVAL, Outcome.write(bytes, descriptor) else {
            return "\(path): \(String(cString: strerror(errno)))"
        }
        return nil
    }
}
