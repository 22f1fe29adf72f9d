/// A numbered step of the schema. It is applied once, in a transaction of its own, and never edited after a release:
/// what must change later is a further migration.
public struct Migration: Sendable {
    public let number: Int
    /// A word or two in the form of an identifier, for the bookkeeping and the log.
    public let name: String
    /// Statements without BEGIN and COMMIT.
    public let sql: String

    /// As the log and the bookkeeping show it: `1 score_table`.
    public var label: String { "\(number) \(name)" }

    /// All of them, in the order of their numbers.
    public static let all: [Migration] = [.scoreTable, .outbox, .outboxStorage, .queue]
}
