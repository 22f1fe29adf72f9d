import Glibc

/// A failed system call: its `errno` and its name.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    public let code: Int32
    public let call: String

    public init(_ code: Int32, _ call: String) {
        self.code = code
        self.call = call
    }

    /// The call that has just failed on this thread.
    public static func last(_ call: String) -> SystemError {
        SystemError(errno, call)
    }

    public var description: String {
        "\(call): \(String(cString: strerror(code)))"
    }
}
