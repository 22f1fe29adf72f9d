import Bytes
import Scores

/// Joins what the bus and the history bring to one feed without holes, and drops what came before.
///
///     bus ─────▶ came ──▶ held while a history is read ─┐
///     history ─▶ answered ──────────────────────────────┴──▶ known? ──▶ pending ──▶ the logs
///
/// Decides only; `FeedSource` asks the history, is told, and mails what is pending.
struct FeedIntake {
    /// What an answer of the history leads to.
    enum Step: Equatable {
        /// There is more to ask.
        case more
        /// The feed has all that the history has.
        case done
        /// And that for the first time.
        case filled(FeedFilling)
    }

    private var recent = RecentIDs(capacity: FeedLimits.recentIDs)
    private var progress = FeedProgress()
    /// What the bus brings waits for the history.
    private var isHolding = false
    private var held: [FeedItem] = []
    /// What is to be appended to the logs.
    private(set) var pending: [FeedItem] = []

    /// What is still to be read from the history; nil when the logs have it all.
    private(set) var catchUp: FeedCatchUp?
    /// The history was read once.
    private(set) var isFilled = false
    /// When the bus was lost last, or never was there.
    private var lostAt: Instant
    /// Since when the bus brings everything, outages apart, which the history fills.
    private var completeSince: Instant?
    private var askedAt = Instant.distantPast
    /// Of the ids up to this one, only those that are missing are read after an outage.
    private var settledUpTo: Int64 = 0
    /// Above the ids noted are scores which the history brought and the bus may still bring; by when they came.
    private var unsettled = LowestSince<Instant, Int64>(capacity: FeedLimits.lateSteps)
    /// Ages below zero, by when they were seen: by so many seconds the clock of those who store is ahead of ours.
    private var leads = LowestSince<Instant, Int64>(capacity: FeedLimits.clockSteps)

    init(at now: Instant) {
        lostAt = now
    }

    // MARK: The bus

    /// The queue is bound (again): the history goes first.
    mutating func ready(at now: Instant) {
        isHolding = true
        guard isFilled || progress.highest > 0 else {
            completeSince = now
            catchUp = .first
            return
        }
        if completeSince == nil { completeSince = now }
        let above = unsettled.lowest(since: lostAt.earlier(by: FeedLimits.holeAge)) ?? .max
        settledUpTo = min(progress.highest - FeedLimits.overlap, above)
        catchUp = .resuming(catchUp, from: min(progress.catchUpFrom(lostAt), above))
    }

    /// The queue is gone, with all that is in it and will be.
    mutating func lost(at now: Instant) {
        lostAt = now
    }

    /// There is no bus yet; readers shall see something.
    mutating func beginWithoutBus() {
        if !isFilled, catchUp == nil { catchUp = .first }
    }

    /// The bus brings a score.
    /// - Returns: false when too many wait for the history: it must be asked for the page of `catchUp` anew.
    mutating func came(_ item: FeedItem, at now: Instant) -> Bool {
        if item.age < 0, item.age >= -FeedLimits.clockLead { leads.note(item.age, at: now) }
        guard isHolding else {
            take(item, now)
            return true
        }
        held.append(item)
        guard held.count >= FeedLimits.heldScores else { return true }
        return !makeRoom(at: now)
    }

    /// Lets go of what waits for the history, as all of it is stored, and the history will bring it: not of what it has
    /// brought already, which is a double and may go at once. Pages that were read stay read, or a gap that fills faster
    /// than it is read would be begun anew for ever.
    /// - Returns: whether something was let go.
    private mutating func makeRoom(at now: Instant) -> Bool {
        let all = held
        held = []
        var lowest: Int64?
        for item in all {
            if let id = item.id, !progress.contains(id) {
                lowest = min(lowest ?? id, id)
            } else {
                take(item, now)
            }
        }
        guard let lowest else { return false }
        catchUp?.rewind(before: lowest)
        return true
    }

    /// Readers shall see something: what the bus brings waits for the first filling no longer.
    /// - Returns: false when there was one. What was missed since must not be passed: whoever had the scores after it
    ///   and went to another reporter would not be given it there.
    mutating func beginWithoutHistory(at now: Instant) -> Bool {
        guard catchUp == .first else { return false }
        release(at: now)
        return true
    }

    private mutating func release(at now: Instant) {
        isHolding = false
        for item in held { take(item, now) }
        held = []
    }

    // MARK: The history

    /// The question of `catchUp` is asked.
    mutating func asked(at now: Instant) {
        askedAt = now
    }

    /// The answer to it, in id order.
    mutating func answered(_ scores: [Score], isLast: Bool, at now: Instant, unixSeconds: Int64) -> Step {
        guard let catchUp else { return .done }
        let floor: Int64
        switch catchUp.page {
        case .newest:
            // Without more rows in the store, the log has them all.
            floor = isLast ? 0 : max(1, scores.first?.id ?? 1) - 1
            progress.begin(above: floor)
        case .after:
            floor = if case .after(let origin) = catchUp.origin { origin } else { .max }
            if !isFilled { progress.begin(above: floor) }
        }
        take(scores.map { FeedItem($0, .history, now: now, unixSeconds: unixSeconds) }, now)
        if case .after(let id) = catchUp.page, !isLast, let last = scores.last?.id, last > id {
            // What came without a hole is passed over, or an outage would cost all that came since the lowest hole.
            self.catchUp?.advance(to: max(last, min(progress.end(after: last), settledUpTo)))
            return .more
        }
        self.catchUp = nil
        release(at: now)
        guard !isFilled else { return .done }
        isFilled = true
        return .filled(
            FeedFilling(
                // The last page of several says nothing of the pace.
                floor: floor, lateIDs: catchUp.origin == .newest ? LateSpan.measure(scores) : FeedLimits.overlap,
                since: completeSince ?? askedAt))
    }

    /// Takes a page. What the bus brought below its end is put between, in the order of the ids: it may have been
    /// committed before the page's newest scores were, but after an earlier page was read. Who has a score shall have
    /// what was stored long before it.
    private mutating func take(_ page: [FeedItem], _ now: Instant) {
        var page = page
        if let last = page.last?.score.id, held.contains(where: { ($0.id ?? .max) <= last }) {
            page += held.filter { ($0.id ?? .max) <= last }
            held.removeAll { ($0.id ?? .max) <= last }
            // Of two that are one, the bus's counts.
            page.sort { ($0.score.id ?? 0, $0.way == .bus ? 0 : 1) < ($1.score.id ?? 0, $1.way == .bus ? 0 : 1) }
        }
        for item in page { take(item, now) }
    }

    // MARK: Both

    /// One absurd id on the bus must not hide all that is missed after it.
    private func isPlausible(_ id: Int64) -> Bool {
        progress.highest == 0 || id - progress.highest <= FeedLimits.idJump
    }

    mutating func removePending() {
        pending.removeAll(keepingCapacity: true)
    }

    private mutating func take(_ item: FeedItem, _ now: Instant) {
        var item = item
        if let id = item.id { item.isLate = id <= progress.highest || !isPlausible(id) }
        if let age = leads.lowest(since: now.earlier(by: FeedLimits.clockMemory)) { item.correct(clockLead: -age) }
        if let id = item.id {
            // The bus repeats what is far back only when the table began its ids anew.
            let isKnown =
                progress.contains(id) && (item.way == .history || id > progress.highest - FeedLimits.overlap)
            let before = recent.insert(id, by: item.way) ?? (isKnown ? .history : nil)
            // Only what was stored lately may still be on its way on the bus, or was when that was lost.
            let isYoung = item.way == .history && item.seen > lostAt.earlier(by: FeedLimits.holeAge)
            switch (item.way, before) {
            case (.history, nil):
                if isYoung { unsettled.note(id - 1, at: now) }
            case (_, nil): break
            case (.bus, .history): item.way = .busAgain
            case (.history, .history) where isYoung: item.way = .historyAgain
            default: return
            }
            if !isKnown, isPlausible(id) { progress.insert(id, at: now) }
        }
        pending.append(item)
    }
}
