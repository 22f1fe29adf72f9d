import Bytes
import Scores
import Testing

@testable import Gateway

/// Every schedule of a few events over three scores, a bus and a history, to a fixed depth: commits in any order,
/// messages before, during and after outages, pages that come when they like. Wherever it stops, a bus and a history that
/// work again bring every score into the feed, each once (but for doubles that are named as such).
///
/// (The whole way to clients that hop between reporters, at random and longer: `FeedModelTests`.)
@Suite struct FeedIntakeModelTests {
    @Test(arguments: [1, 2, 10]) func everySchedule(page: Int) throws {
        var schedules = 0
        try explore(IntakeModel(page: page), depth: 7, &schedules)
        #expect(schedules > 10_000, "the model has come to a standstill")
    }

    private func explore(_ model: IntakeModel, depth: Int, _ schedules: inout Int) throws {
        for event in IntakeModel.events {
            var next = model
            guard next.run(event) else { continue }
            next.schedule.append(event)
            if let fault = next.fault { try #require(Bool(false), "\(fault): \(next.schedule)") }
            if depth > 1 {
                try explore(next, depth: depth - 1, &schedules)
            } else {
                schedules += 1
                let schedule = next.schedule
                next.end()
                if let fault = next.fault { try #require(Bool(false), "\(fault): \(schedule)") }
            }
        }
    }
}

private struct IntakeModel {
    enum Event {
        case commit(Int64), publish(Int64)
        case bound, lost, answer, unanswered, withoutBus, withoutHistory
    }

    private static let ids: ClosedRange<Int64> = 1...3
    static let events: [Event] =
        ids.map { .commit($0) } + ids.map { .publish($0) }
        + [.bound, .lost, .answer, .unanswered, .withoutBus, .withoutHistory]

    private let page: Int
    private var intake: FeedIntake
    private var seconds: Int64 = 1000
    private var isBound = false
    private var isAsked = false
    /// When each was stored.
    private var committed: [Int64: Int64] = [:]
    private var published: Set<Int64> = []
    private var feed: [Int64] = []
    /// Above it the feed promises to have everything.
    private var floor: Int64 = .max
    var schedule: [Event] = []
    private(set) var fault: String?

    init(page: Int) {
        self.page = page
        intake = FeedIntake(at: Instant(nanoseconds: 1_000_000_000_000))
    }

    private var now: Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    /// - Returns: false when the event cannot happen now.
    mutating func run(_ event: Event) -> Bool {
        seconds += 1
        switch event {
        case .commit(let id):
            guard committed[id] == nil else { return false }
            committed[id] = seconds
        case .publish(let id): return publish(id)
        case .bound:
            guard !isBound else { return false }
            isBound = true
            intake.ready(at: now)
            ask()
        case .lost:
            guard isBound else { return false }
            isBound = false
            intake.lost(at: now)
        case .answer: return answer()
        case .unanswered:
            // The history is out of reach: asked once more, as is.
            guard isAsked, intake.catchUp != nil else { return false }
            ask()
        case .withoutBus:
            guard !isBound, !isAsked, intake.catchUp == nil else { return false }
            intake.beginWithoutBus()
            if intake.catchUp != nil { ask() }
        case .withoutHistory:
            guard isBound, isAsked, intake.beginWithoutHistory(at: now) else { return false }
        }
        takePending()
        return true
    }

    /// All works again.
    mutating func end() {
        for id in Self.ids where committed[id] == nil { _ = run(.commit(id)) }
        // One that is published before the queue is bound must come from the history.
        _ = publish(1)
        _ = run(.bound)
        for _ in 0..<20 where answer() {}
        for id in Self.ids { _ = publish(id) }
        if intake.catchUp != nil { fail("the history is read for ever") }
        for id in Self.ids where id > floor && !feed.contains(id) { fail("\(id) is missing") }
        if floor == .max { fail("the feed was never filled") }
    }

    private mutating func fail(_ text: String) { fault = fault ?? text }

    private func score(_ id: Int64) -> Score {
        Score(id: id, user: [], score: 1, createdAt: committed[id].flatMap { Timestamp(microseconds: $0 * 1_000_000) })
    }

    private mutating func publish(_ id: Int64) -> Bool {
        guard committed[id] != nil, published.insert(id).inserted else { return false }
        guard isBound else { return true }
        let item = FeedItem(score(id), .bus, now: now, unixSeconds: seconds)
        if !intake.came(item, at: now) { ask() }
        takePending()
        return true
    }

    private mutating func ask() {
        intake.asked(at: now)
        isAsked = true
    }

    private mutating func answer() -> Bool {
        guard isAsked, let question = intake.catchUp?.page else { return false }
        isAsked = false
        let all = committed.keys.sorted()
        let scores: [Int64]
        switch question {
        case .newest: scores = Array(all.suffix(page))
        case .after(let id): scores = Array(all.filter { $0 > id }.prefix(page))
        }
        let step = intake.answered(
            scores.map { score($0) }, isLast: scores.count < page, at: now, unixSeconds: seconds)
        takePending()
        switch step {
        case .more:
            ask()
        case .done: break
        case .filled(let filling): floor = filling.floor
        }
        return true
    }

    private mutating func takePending() {
        for item in intake.pending {
            guard let id = item.score.id else { continue }
            switch item.way {
            case .bus, .history:
                if feed.contains(id) { fail("\(id) is shown twice") }
            case .busAgain, .historyAgain:
                if !feed.contains(id) { fail("\(id) is called a double and was never there") }
            }
            feed.append(id)
        }
        intake.removePending()
    }
}
