import Synchronization

/// What `/readiness` knows, written by the threads that see it and read by all. What is missing is named.
final class Health: Sendable {
    private let databaseConnectionsNeeded: Int
    private let needsBroker: Bool
    private let needsHistory: Bool
    private let databaseConnections = Atomic<Int>(0)
    private let databaseWasReached = Atomic<Bool>(false)
    private let brokerWasReached = Atomic<Bool>(false)
    private let brokerConnections = Atomic<Int>(0)
    private let historyWasReached = Atomic<Bool>(false)
    private let databaseLosses = Atomic<Int>(0)
    private let brokerLosses = Atomic<Int>(0)
    private let draining = Atomic<Bool>(false)

    /// - Parameters:
    ///   - databaseConnections: how many there are when all is well (each reactor writes on one and reads on another);
    ///     not ready while one of them is missing, for the requests that fall to its reactor would be refused. 0: the role
    ///     needs no database.
    ///   - needsBroker: not ready until the broker was reached once; afterwards its absence is waited out, for taking
    ///     the process out of service would make an outage worse.
    ///   - needsHistory: not ready until the feed's history was reached once.
    init(databaseConnections: Int, needsBroker: Bool, needsHistory: Bool) {
        databaseConnectionsNeeded = databaseConnections
        self.needsBroker = needsBroker
        self.needsHistory = needsHistory
    }

    func databaseConnected() {
        databaseConnections.add(1, ordering: .relaxed)
        databaseWasReached.store(true, ordering: .relaxed)
    }

    func databaseDisconnected() {
        databaseConnections.subtract(1, ordering: .relaxed)
        databaseLosses.add(1, ordering: .relaxed)
    }

    func brokerReached() {
        brokerConnections.add(1, ordering: .relaxed)
        brokerWasReached.store(true, ordering: .relaxed)
    }

    func brokerLost() {
        brokerConnections.subtract(1, ordering: .relaxed)
        brokerLosses.add(1, ordering: .relaxed)
    }

    func historyReached() {
        historyWasReached.store(true, ordering: .relaxed)
    }

    func startDraining() {
        draining.store(true, ordering: .relaxed)
    }

    var isDraining: Bool { draining.load(ordering: .relaxed) }
    var needsDatabase: Bool { databaseConnectionsNeeded > 0 }
    var isDatabaseUp: Bool { databaseConnections.load(ordering: .relaxed) >= databaseConnectionsNeeded }
    /// Connections that were lost since the start.
    var databaseConnectionsLost: Int { databaseLosses.load(ordering: .relaxed) }
    var brokerConnectionsLost: Int { brokerLosses.load(ordering: .relaxed) }
    var isBrokerUp: Bool { brokerConnections.load(ordering: .relaxed) > 0 }

    /// What keeps the process from being ready, or nil.
    var missing: StaticString? {
        if isDraining { return "shutting down" }
        if !isDatabaseUp { return "the database is out of reach" }
        if needsBroker, !brokerWasReached.load(ordering: .relaxed) { return "the broker was not reached yet" }
        if needsHistory, !historyWasReached.load(ordering: .relaxed) { return "the scores were not reached yet" }
        return nil
    }
}
