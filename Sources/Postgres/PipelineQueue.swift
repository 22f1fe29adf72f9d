import Bytes

/// Which result of a libpq pipeline belongs to whom.
///
/// Theory of operation. What is sent is a sequence of *commands*, grouped by Syncs into *units*; a unit is one implicit
/// transaction, committed by the server when it reads the Sync. The connection's first unit is the set-up (session
/// settings and one PREPARE a statement); every later unit is one query. libpq answers in the order of sending:
///
///     sent      set-up 0  set-up 1  Sync          query 7  Sync          query 8  Sync
///     answered  result,∅  result,∅  PIPELINE_SYNC result,∅ PIPELINE_SYNC error,∅  PIPELINE_SYNC
///
/// * ∅ is the NULL with which `PQgetResult` ends a command. PIPELINE_SYNC has none.
/// * After an error the rest of its unit answers PIPELINE_ABORTED, until the Sync; the next unit is not disturbed.
/// * **A result is not a commit.** The server commits at the Sync, and that can fail still (a deferred constraint): an
///   error then comes between the query's ∅ and PIPELINE_SYNC. So nothing is said to have succeeded before its
///   PIPELINE_SYNC; until then the caller holds the result.
///
/// Pure: it is told what arrived and says what to do.
struct PipelineQueue {
    enum Arrival: Equatable {
        /// TUPLES_OK, COMMAND_OK
        case result
        /// FATAL_ERROR whose severity is ERROR
        case error
        /// PIPELINE_ABORTED
        case aborted
        /// NULL
        case end
        /// PIPELINE_SYNC
        case sync
    }

    enum Action: Equatable {
        /// Nothing to do; a result that came with the arrival is cleared.
        case wait
        /// Keep this result instead of the one kept before: the unit's verdict will be about it.
        case hold
        /// The kept result is the set-up's last: the session is ready.
        case ready
        /// The kept error is that of set-up command `index`.
        case setupFailed(index: Int)
        /// The kept result is the committed answer of `ticket`.
        case complete(ticket: UInt64)
        /// The kept error is the answer of `ticket`; nothing of it was committed.
        case fail(ticket: UInt64)
        /// libpq and this queue disagree: the connection must be given up.
        case violation
    }

    private enum Unit: Equatable {
        case setup(commands: Int)
        case query(ticket: UInt64, deadline: Instant)
    }

    private var units: [Unit] = []
    private var head = 0
    /// Commands of the first unit that are through (∅ seen).
    private var finished = 0
    /// The command at the front has a result and waits for its ∅.
    private var isAnswered = false
    /// The command of the first unit that failed.
    private var failed: Int?

    var isEmpty: Bool { head == units.count }

    /// Units under way, the set-up included.
    var count: Int { units.count - head }

    // MARK: Sending

    /// The set-up's `commands` and their Sync were written.
    mutating func appendSetup(commands: Int) {
        precondition(isEmpty, "the set-up is the first unit of a connection")
        units.append(.setup(commands: commands))
    }

    /// A query and its Sync were written.
    mutating func appendQuery(_ ticket: UInt64, deadline: Instant) {
        units.append(.query(ticket: ticket, deadline: deadline))
    }

    /// The earliest deadline of the queries under way.
    var earliestDeadline: Instant? {
        var earliest: Instant?
        for unit in units[head...] {
            if case .query(_, let deadline) = unit, deadline < earliest ?? .distantFuture { earliest = deadline }
        }
        return earliest
    }

    // MARK: Receiving

    mutating func arrived(_ arrival: Arrival) -> Action {
        guard head < units.count else { return .violation }
        let commands = if case .setup(let commands) = units[head] { commands } else { 1 }
        switch arrival {
        case .result:
            guard finished < commands, !isAnswered, failed == nil else { return .violation }
            isAnswered = true
            return .hold
        case .error:
            // After the last command it is the commit that failed, and with it the unit's last command.
            guard failed == nil, finished == commands || !isAnswered else { return .violation }
            failed = min(finished, commands - 1)
            isAnswered = true
            return .hold
        case .aborted:
            guard finished < commands, !isAnswered, failed != nil else { return .violation }
            isAnswered = true
            return .wait
        case .end:
            guard isAnswered else { return .violation }
            isAnswered = false
            // The ∅ after a failed commit ends no command.
            if finished < commands { finished += 1 }
            return .wait
        case .sync:
            guard finished == commands, !isAnswered else { return .violation }
            return settle()
        }
    }

    private mutating func settle() -> Action {
        let unit = units[head]
        let failed = failed
        advance()
        switch (unit, failed) {
        case (.setup, nil): return .ready
        case (.setup, let index?): return .setupFailed(index: index)
        case (.query(let ticket, _), nil): return .complete(ticket: ticket)
        case (.query(let ticket, _), _?): return .fail(ticket: ticket)
        }
    }

    private mutating func advance() {
        head += 1
        finished = 0
        isAnswered = false
        failed = nil
        if head == units.count {
            units.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= units.count {
            // A pipe that never runs empty must not keep what is through.
            units.removeSubrange(0..<head)
            head = 0
        }
    }

    // MARK: Losing the connection

    /// Takes the first outstanding query off, in the order of sending; nil when there is none.
    /// - Parameter isTailUnsent: written bytes have not left this process and never will. The last query's Sync ends
    ///   them, and without its Sync it is not committed; of the others that cannot be known.
    /// - Returns: its ticket, and whether the server may have got it whole.
    mutating func abandonFirst(isTailUnsent: Bool) -> (ticket: UInt64, wasSent: Bool)? {
        while head < units.count {
            let unit = units[head]
            let wasSent = !(isTailUnsent && head == units.count - 1)
            advance()
            if case .query(let ticket, _) = unit { return (ticket, wasSent) }
        }
        return nil
    }
}
