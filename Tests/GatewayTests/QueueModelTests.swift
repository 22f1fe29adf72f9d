import Bytes
import Scores
import Testing

@testable import Gateway

/// Every schedule of a few events over three scores, to a fixed depth, and longer ones at random: ids committed in any
/// order or never, messages before, during and after pages, no room, Slack's answers, regular ends and kills. Wherever it
/// stops, a queue that runs on tells Slack every score; and none twice, unless the process was another one since.
@Suite struct QueueModelTests {
    @Test(arguments: [(1, 2), (8, 1)]) func everySchedule(page: Int, room: Int) throws {
        var schedules = 0
        try explore(QueueModel(ids: 3, page: page, room: room, holes: 100), depth: 6, &schedules)
        #expect(schedules > 10_000, "the model has come to a standstill")
    }

    private func explore(_ model: QueueModel, depth: Int, _ schedules: inout Int) throws {
        for event in model.events {
            var next = model
            guard next.run(event) else { continue }
            next.schedule.append(event)
            if let fault = next.fault { try #require(Bool(false), "\(fault): \(next.schedule)") }
            if depth > 1 {
                try explore(next, depth: depth - 1, &schedules)
            } else {
                schedules += 1
                next.end()
                if let fault = next.fault { try #require(Bool(false), "\(fault): \(next.schedule)") }
            }
        }
    }

    /// - Parameter restarts: whether the process ends and is killed now and then.
    /// With room and without: what is below such an id cannot be said.
    @Test(arguments: [0, 4]) func theLowestNumberIsNoPlace(waiting: Int) {
        var intake = QueueIntake(prefetch: 4, batch: 2, waiting: waiting, openHoles: 8, givenUp: 8)
        let now = Instant(nanoseconds: 1_000_000_000_000)
        intake.begin(at: 5)
        let scores = [Int64.min, -7, 5].map { Score(id: $0, user: [0x61], score: 1, createdAt: nil) }
        _ = intake.came(scores, at: now)
        #expect(intake.place <= 5)
        _ = intake.ask(at: now)
    }

    @Test(arguments: [UInt64](1...60), [false, true]) func atRandom(seed: UInt64, restarts: Bool) throws {
        var generator = SplitMix(state: seed)
        var model = QueueModel(
            ids: 40, page: .random(in: 1...8, using: &generator), room: .random(in: 1...6, using: &generator),
            holes: seed % 4 == 0 ? .random(in: 1...3, using: &generator) : 100)
        for _ in 0..<300 {
            let event = model.randomEvent(&generator)
            if !restarts, event == .kill || event == .end { continue }
            if model.run(event) { model.schedule.append(event) }
            if let fault = model.fault { try #require(Bool(false), "\(fault): \(model.schedule)") }
        }
        model.end()
        if let fault = model.fault { try #require(Bool(false), "\(fault): \(model.schedule)") }
    }
}

private struct QueueModel {
    enum Event: Equatable {
        case commit(Int64), rollback(Int64)
        /// The bus brings it, and the outbox forgets it.
        case publish(Int64)
        /// The store answers with what it has now, or with what it had when it was asked.
        case answer, answerOld, unanswered
        /// Slack took all that is held.
        case told
        case handBack
        /// The place is saved.
        case tick
        /// A long time passes.
        case age
        /// A regular end, at which another reactor may still publish; and one that nothing hears of. A new process begins.
        case end, kill
    }

    private enum Fate {
        case committed, burnt
    }

    private let ids: Int64
    private let page: Int
    private let room: Int
    /// When there are too many holes, telling twice is the lesser evil.
    private let holes: Int
    private var intake: QueueIntake
    private var hasBegun = false
    private var seconds: Int64 = 1000

    private var fates: [Int64: Fate] = [:]
    private var committed: [Int64] = []
    private var published: Set<Int64> = []
    /// Since when an id is behind: taken before one that was committed.
    private var openSince: [Int64: Int64] = [:]
    private var asked: (above: Int64, committed: [Int64])?
    private var held: [(tag: UInt64, ids: [Int64])] = []
    private var told: [Int64: Int] = [:]
    private var saved: Int64 = 0
    private var processes = 1
    var schedule: [Event] = []
    private(set) var fault: String?

    init(ids: Int64, page: Int, room: Int, holes: Int) {
        self.ids = ids
        self.page = page
        self.room = room
        self.holes = holes
        intake = QueueIntake(prefetch: room, batch: 2, waiting: room, openHoles: holes, givenUp: holes)
    }

    private var now: Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    var events: [Event] {
        (1...ids).flatMap { [.commit($0), .publish($0)] }
            + [.rollback(2), .answer, .answerOld, .unanswered, .told, .handBack, .tick, .age, .end, .kill]
    }

    /// Ids near the lowest that has no fate yet, for a sequence gives them in their order.
    func randomEvent(_ generator: inout SplitMix) -> Event {
        let open = (1...ids).filter { fates[$0] == nil }.prefix(6)
        let unpublished = (1...ids).filter { fates[$0] == .committed && !published.contains($0) }
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<25: return open.randomElement(using: &generator).map { .commit($0) } ?? .tick
        case 25..<50: return unpublished.randomElement(using: &generator).map { .publish($0) } ?? .tick
        case 50..<53: return open.randomElement(using: &generator).map { .rollback($0) } ?? .tick
        case 53..<65: return .answer
        case 65..<72: return .answerOld
        case 72..<75: return .unanswered
        case 75..<85: return .told
        case 85..<87: return .handBack
        case 87..<93: return .tick
        case 93..<96: return .age
        case 96..<98: return .end
        default: return .kill
        }
    }

    /// - Returns: false when the event cannot happen now.
    mutating func run(_ event: Event) -> Bool {
        switch event {
        case .commit(let id):
            guard fates[id] == nil else { return false }
            fates[id] = .committed
            committed.append(id)
            for lower in 1..<max(id, 2) where fates[lower] == nil && openSince[lower] == nil {
                openSince[lower] = seconds
            }
        case .rollback(let id):
            guard fates[id] == nil else { return false }
            fates[id] = .burnt
        case .publish(let id): return publish(id)
        case .answer: return answer(committed)
        case .answerOld:
            guard let asked, asked.committed != committed else { return false }
            return answer(asked.committed)
        case .unanswered:
            guard asked != nil else { return false }
            asked = nil
            intake.failed()
            // Not at once, or it is asked again with nothing in between.
            seconds += 1
        case .told:
            guard let last = held.last else { return false }
            for id in held.flatMap(\.ids) { tell(id) }
            held = []
            intake.ack(last.tag, multiple: true)
            go()
        case .handBack:
            guard !held.isEmpty else { return false }
            held = []
            intake.handBack(at: now)
            go()
        case .tick: return tick()
        case .age:
            seconds += LocalLimits.holeAge.components.seconds + 1
            if hasBegun { go() }
        case .end:
            guard hasBegun else { return false }
            saved = intake.place
            // What comes now is taken by nobody, and forgotten: but not what is late, which only this worker publishes.
            if let id = committed.filter({ !published.contains($0) }).min(),
                seconds - (openSince[id] ?? seconds) < 8
            {
                published.insert(id)
            }
            restart()
        case .kill: restart()
        }
        return true
    }

    private mutating func publish(_ id: Int64) -> Bool {
        guard fates[id] == .committed, published.insert(id).inserted else { return false }
        let lowest = intake.came([score(id)], at: now)
        if hasBegun {
            if let lowest, lowest <= saved { saved = intake.place }
            go()
        } else {
            // The outbox keeps it until the place is known.
            begin()
        }
        return true
    }

    private mutating func tick() -> Bool {
        guard hasBegun else {
            begin()
            return true
        }
        let before = saved
        saved = intake.place
        seconds += 1
        go()
        return before != saved || asked == nil
    }

    private mutating func begin() {
        hasBegun = true
        intake.begin(at: saved)
        saved = intake.place
        go()
    }

    private mutating func restart() {
        intake = QueueIntake(prefetch: room, batch: 2, waiting: room, openHoles: holes, givenUp: holes)
        hasBegun = false
        asked = nil
        held = []
        processes += 1
    }

    private mutating func answer(_ committed: [Int64]) -> Bool {
        guard let question = asked else { return false }
        asked = nil
        let all = committed.filter { $0 > question.above }.sorted()
        intake.answered(all.prefix(page).map { score($0) }, isLast: all.count <= page, at: now)
        go()
        return true
    }

    /// Delivers what it may, and asks.
    private mutating func go() {
        while let (message, tag) = intake.next() {
            var decoder = FeedMessageDecoder(contentType: "application/x-ndjson".utf8.span, body: message.body.span)
            var ids: [Int64] = []
            while case .success(let score)? = decoder.next() { if let id = score.id { ids.append(id) } }
            held.append((tag, ids))
            if held.count > room { fail("too many are held") }
        }
        if asked == nil, let above = intake.ask(at: now) {
            asked = (above, committed)
        }
        let place = intake.place
        for id in published where id <= place && told[id] == nil { fail("the place \(place) hides \(id)") }
        for (id, since) in openSince where id <= place && fates[id] == nil && seconds - since < 8 {
            fail("the place \(place) hides \(id), which is not committed")
        }
    }

    private mutating func tell(_ id: Int64) {
        told[id, default: 0] += 1
        if told[id] == 2, processes == 1, holes == 100 { fail("\(id) is told twice") }
    }

    /// All works again, and all that is open is committed.
    mutating func end() {
        for id in 1...ids { _ = run(.commit(id)) }
        if !hasBegun { begin() }
        for id in 1...ids { _ = run(.publish(id)) }
        for _ in 0..<(20 * Int(ids)) {
            _ = run(.told)
            _ = run(.answer)
            _ = run(.age)
        }
        for id in committed where told[id] == nil { fail("\(id) is never told") }
        if asked != nil || intake.isReading || intake.hasOpenHoles { fail("the store is read for ever") }
        if intake.place < committed.max() ?? 0 { fail("the place stays behind") }
    }

    private mutating func fail(_ text: String) { fault = fault ?? text }

    private func score(_ id: Int64) -> Score { Score(id: id, user: [], score: 1, createdAt: nil) }
}
