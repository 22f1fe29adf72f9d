/// Why the configuration cannot be used: everything that is wrong with it at once, so that an operator does not find
/// one mistake per start.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// One thing that is wrong.
    public struct Problem: Error, Equatable, CustomStringConvertible {
        /// The variable, `.env` and a line, or a file.
        public var subject: String
        /// The value as it may be shown; nil: there is none.
        public var value: String?
        /// What is wrong, and what was expected.
        public var message: String

        public init(_ subject: String, value: String? = nil, _ message: String) {
            self.subject = subject
            self.value = value
            self.message = message
        }

        public var description: String {
            if let value {
                "\(subject)=\(EscapedText.quoted(value, limit: 100)): \(message)"
            } else {
                "\(subject): \(message)"
            }
        }
    }

    public let problems: [Problem]
    /// `EX_USAGE` for an unknown ROLE, else `EX_CONFIG`.
    public let exitCode: Int32

    init(_ problems: [Problem], exitCode: Int32 = ExitCode.configuration) {
        self.problems = problems
        self.exitCode = exitCode
    }

    /// One problem a line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
