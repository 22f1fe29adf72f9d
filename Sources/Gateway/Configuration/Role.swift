/// What one process hosts. `all` is the three others behind path routing in one process.
public enum Role: String, Sendable, CaseIterable {
    case all
    case scores
    case reporter
    case poster

    public var hostsScores: Bool { self == .all || self == .scores }
    public var hostsReporter: Bool { self == .all || self == .reporter }
    public var hostsPoster: Bool { self == .all || self == .poster }
}
