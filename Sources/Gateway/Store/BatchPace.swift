import Bytes

/// How long a large batch may take: to its turn, at its client's pace, and in all while its transaction is open.
struct BatchPace {
    enum Verdict {
        case inTime
        /// Its client is.
        case tooSlow
        /// We or the database are.
        case late
    }

    private var bytes = 0
    private var deadline: Instant
    private var lastReceived: Instant
    private var clientTime: Duration = .zero
    private var isOpen = false

    /// It waits for its turn and a connection.
    init(at now: Instant) {
        lastReceived = now
        deadline = now + StoreLimits.largeBatchWait
    }

    /// Bytes of the body have come.
    mutating func received(_ count: Int, at now: Instant) {
        bytes += count
        clientTime += now - lastReceived
        lastReceived = now
    }

    /// The client may go on. The time it was held back is not its own.
    mutating func resumed(at now: Instant) {
        lastReceived = now
    }

    /// It has a connection.
    mutating func connected() {
        deadline = .distantFuture
    }

    /// Its transaction is opened: from here on ids may be taken.
    mutating func opened(at now: Instant) {
        deadline = now + StoreLimits.largeBatchTransaction
        isOpen = true
    }

    /// COMMIT is sent: what it waits for now has limits of its own.
    mutating func committing() {
        deadline = .distantFuture
        isOpen = false
    }

    /// COMMIT was lost.
    mutating func lost(at now: Instant) {
        deadline = now + StoreLimits.outcome
    }

    /// - Parameter isClientsTurn: more is waited for, and may come.
    func verdict(at now: Instant, isClientsTurn: Bool) -> Verdict {
        if now >= deadline { return isOpen && isClientsTurn ? .tooSlow : .late }
        guard isClientsTurn else { return .inTime }
        let silence = now - lastReceived
        let allowance = StoreLimits.largeBatchGrace + .seconds(bytes / StoreLimits.slowestLargeBatch)
        return silence > StoreLimits.largeBatchGrace || clientTime + silence > allowance ? .tooSlow : .inTime
    }
}
