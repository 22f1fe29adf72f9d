import Bytes
import Scores
import Testing

@testable import Gateway

/// Reporters, a store and a bus as far as the feed sees them, at random: ids that commit out of order, messages that
/// come late and in another order to each reporter, or without an id, outages, restarts, and clients that hop between
/// reporters in the middle of everything, with nothing but the highest id they saw. Each of them must end up with every
/// score.
@Suite struct FeedModelTests {
    @Test(arguments: [UInt64](1...16)) func noClientMissesAScore(chunk: UInt64) throws {
        for seed in chunk * 1000..<chunk * 1000 + 64 {
            let model = try FeedModel(seed: seed)
            try model.run()
            for client in model.clients {
                let missing = model.rows.map(\.id).filter { !client.seen.contains($0) }
                try #require(missing.isEmpty, "seed \(seed)")
            }
        }
    }

    /// Whoever stays on a reporter sees each score once.
    @Test(arguments: [UInt64](1...50)) func nobodyWhoStaysSeesADouble(seed: UInt64) throws {
        let model = try FeedModel(seed: seed, clientsHop: false)
        try model.run()
        for client in model.clients {
            #expect(client.seen.count == model.rows.count && client.doubles == 0, "seed \(seed)")
        }
    }
}

private struct Row {
    let id: Int64
    let taken: Int64
    let committed: Int64
    let published: Int64
    /// The replaced publisher's message does not tell its id.
    let isNameless: Bool
}

private let step = 100
/// Nothing is disturbed after it, and everybody gets what is left.
private let quietFrom: Int64 = 95_000
private let end: Int64 = 135_000

private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: (milliseconds + 100_000_000) * 1_000_000) }
private func unix(_ milliseconds: Int64) -> Int64 { (milliseconds + 1_000_000_000) / 1000 }

private final class FeedModel {
    private var generator: SplitMix
    let rows: [Row]
    private var reporters: [Reporter] = []
    private(set) var clients: [Client] = []
    private let clientsHop: Bool

    init(seed: UInt64, clientsHop: Bool = true) throws {
        var random = SplitMix(state: seed)
        func number(_ range: ClosedRange<Int64>) -> Int64 { .random(in: range, using: &random) }
        func isOneIn(_ count: Int64) -> Bool { number(1...count) == 1 }
        let brokerOutage: ClosedRange<Int64>? =
            isOneIn(2) ? { $0...($0 + number(1000...9000)) }(number(5000...60_000)) : nil
        let pace = number(100...500)
        // So that as many ids are taken in `FeedLimits.late` as it is made for, and more than an outage's overlap in all.
        let idStep = pace * number(10...58) / 100
        let namelessInHundred = clientsHop && isOneIn(3) ? number(1...100) : 0
        var rows: [Row] = []
        var id: Int64 = 0
        var time: Int64 = 0
        while time < 85_000 {
            time += number(1...2 * pace)
            id += number(1...idStep)
            var committed = time + (isOneIn(12) ? number(0...8000) : number(0...20))
            // Very late, when no reporter begins any more, and not so old that those who began did not look for it: an
            // upload that took its ids long ago, and a publisher that was held up.
            let isNameless = number(1...100) <= namelessInHundred
            let isRecent = time > 30_000 && !isNameless
            if isRecent, isOneIn(50) { committed = max(committed, number(70_000...90_000)) }
            var published = committed + (isOneIn(8) ? number(0...10_000) : number(0...40))
            if isRecent, isOneIn(50) { published = max(published, number(70_000...90_000)) }
            if let brokerOutage, brokerOutage.contains(published) {
                published = brokerOutage.upperBound + number(0...2000)
            }
            rows.append(
                Row(id: id, taken: time, committed: committed, published: published, isNameless: isNameless))
        }
        self.rows = rows
        self.clientsHop = clientsHop
        for _ in 0..<(clientsHop ? 2 : 1) {
            let ring: Int = clientsHop && isOneIn(2) ? 4096 : 1 << 16
            // No two publishers' messages need come to two queues in one order.
            let comings = rows.map { ($0.published + number(0...700), $0) }.sorted { $0.0 < $1.0 }
            var downs: [ClosedRange<Int64>] = []
            for _ in 0..<(clientsHop ? number(0...3) : 0) {
                let begin = number(2000...60_000)
                downs.append(begin...(begin + number(100...6000)))
            }
            var outages: [ClosedRange<Int64>] = []
            if let brokerOutage { outages.append(brokerOutage) }
            for _ in 0..<number(0...3) {
                let begin = number(2000...88_000)
                outages.append(begin...(begin + number(100...6000)))
            }
            reporters.append(
                try Reporter(ring: ring, comings: comings, downs: downs, outages: outages, isPaged: isOneIn(2)))
        }
        for _ in 0..<4 { clients.append(Client()) }
        generator = random
    }

    func run() throws {
        for now in stride(from: Int64(0), through: end, by: step) {
            for reporter in reporters { try reporter.turn(now, rows, &generator) }
            for client in clients { turn(client, now) }
        }
    }

    private func turn(_ client: Client, _ now: Int64) {
        let isQuiet = now >= quietFrom
        if clientsHop, !isQuiet, Int.random(in: 0..<60, using: &generator) == 0 {
            client.leave()
            if Bool.random(using: &generator) { client.awayUntil = now + .random(in: 0...30_000, using: &generator) }
        }
        guard let reporter = client.reporter, reporter.log === client.log else {
            client.leave()
            if isQuiet || (now > client.awayUntil && Int.random(in: 0..<5, using: &generator) == 0) {
                client.come(to: reporters.randomElement(using: &generator)!, now)  // there is one
            }
            return
        }
        let most = isQuiet || !clientsHop ? Int.max : Int.random(in: 0...12, using: &generator)
        // A reader that is slow to take a page is slow to be given the next.
        let isSlow = clientsHop && !isQuiet && Int.random(in: 0..<6, using: &generator) == 0
        client.read(most, now, rows, delay: isSlow ? 4000 : Int64.random(in: 50...400, using: &generator))
    }
}

/// `FeedSource` and one `FeedHub`, with the history's answers after a while.
private final class Reporter {
    private(set) var log: FeedLog
    private(set) var isWarm = false
    private var intake: FeedIntake
    private let ring: Int
    private let comings: [(Int64, Row)]
    private var next = 0
    private let downs: [ClosedRange<Int64>]
    private let outages: [ClosedRange<Int64>]
    private let isPaged: Bool
    private var isUp = true
    private var isBound = false
    private var answerAt: Int64?

    init(
        ring: Int, comings: [(Int64, Row)], downs: [ClosedRange<Int64>], outages: [ClosedRange<Int64>], isPaged: Bool
    ) throws {
        self.ring = ring
        self.comings = comings
        self.downs = downs
        self.outages = outages
        self.isPaged = isPaged
        log = try FeedLog(bytes: ring)
        intake = FeedIntake(at: at(0))
    }

    func turn(_ now: Int64, _ rows: [Row], _ generator: inout SplitMix) throws {
        let shallBeUp = !downs.contains { $0.contains(now) }
        if isUp, !shallBeUp {
            isWarm = false
            isBound = false
            answerAt = nil
            log = try FeedLog(bytes: ring)
        } else if !isUp, shallBeUp {
            intake = FeedIntake(at: at(now))
        }
        isUp = shallBeUp
        let shallBeBound = isUp && !outages.contains { $0.contains(now) }
        if isBound, !shallBeBound {
            intake.lost(at: at(now))
        } else if isUp, !isBound, shallBeBound {
            intake.ready(at: at(now))
            ask(now, &generator)
        } else if isUp, !isBound, intake.catchUp == nil {
            intake.beginWithoutBus()
            if intake.catchUp != nil { ask(now, &generator) }
        }
        isBound = shallBeBound
        while next < comings.count, comings[next].0 <= now {
            if isBound {
                let item = FeedItem(message(comings[next].1), .bus, now: at(now), unixSeconds: unix(now))
                if !intake.came(item, at: at(now)) { ask(now, &generator) }
            }
            next += 1
        }
        if let answerAt, answerAt <= now { answer(now, rows, &generator) }
        publish(now)
    }

    private func ask(_ now: Int64, _ generator: inout SplitMix) {
        intake.asked(at: at(now))
        answerAt = now + .random(in: 50...900, using: &generator)
    }

    private func answer(_ now: Int64, _ rows: [Row], _ generator: inout SplitMix) {
        answerAt = nil
        guard let question = intake.catchUp?.page else { return }
        let limit = question == .newest ? 400 : isPaged ? 20 : 1000
        var scores: [Score]
        switch question {
        case .newest: scores = Array(stored(rows, after: 0, now).suffix(limit))
        case .after(let id): scores = Array(stored(rows, after: id, now).prefix(limit))
        }
        let step = intake.answered(scores, isLast: scores.count < limit, at: at(now), unixSeconds: unix(now))
        publish(now)
        switch step {
        case .more: ask(now, &generator)
        case .done: break
        case .filled(let filling):
            log.filled(filling)
            isWarm = true
        }
    }

    private func publish(_ now: Int64) {
        guard !intake.pending.isEmpty else { return }
        log.begin(at(now))
        for item in intake.pending {
            let id = item.score.id ?? 0
            let row = Int64(item.score.score)
            // A frame is its row and its id, and as long as it takes for a ring to wrap.
            withUnsafeBytes(of: (row, id, 0, 0, 0, 0, 0, 0)) { _ = log.append($0, id: id, item.way, seen: item.seen) }
        }
        intake.removePending()
    }
}

private func score(_ row: Row) -> Score {
    let created = Timestamp(microseconds: (row.taken + 1_000_000_000) * 1000)
    return Score(id: row.id, user: [], score: Int32(row.id), createdAt: created)
}

private func message(_ row: Row) -> Score {
    row.isNameless ? Score(id: nil, user: [], score: Int32(row.id), createdAt: nil) : score(row)
}

private func stored(_ rows: [Row], after id: Int64, _ now: Int64) -> [Score] {
    rows.filter { $0.id > id && $0.committed <= now }.map(score)
}

/// `FeedConnection` and the reader behind it.
private final class Client {
    private(set) var seen = Set<Int64>()
    private(set) var doubles = 0
    var awayUntil: Int64 = 0
    private var highest: Int64 = 0
    private(set) var reporter: Reporter?
    private(set) var log: FeedLog?
    private var cursor: UInt64?
    private var after: Int64 = 0
    private var mark: BackfillMark?
    private var answerAt: Int64?

    func leave() {
        reporter = nil
        log = nil
        cursor = nil
        mark = nil
        answerAt = nil
    }

    func come(to reporter: Reporter, _ now: Int64) {
        guard reporter.isWarm else { return }
        self.reporter = reporter
        log = reporter.log
        switch reporter.log.resume(after: highest, at(now)) {
        case .log(let position): cursor = position
        case .store(let id): fetch(after: id, now, 50)
        }
    }

    private func fetch(after id: Int64, _ now: Int64, _ delay: Int64) {
        guard let log else { return }
        after = id
        let place = log.noteBackfill()
        if let mark {
            self.mark?.asking(after: id, place, lowest: log.lowest(since: mark.place))
        } else {
            mark = BackfillMark(place)
        }
        answerAt = now + delay
    }

    func read(_ most: Int, _ now: Int64, _ rows: [Row], delay: Int64) {
        guard let log else { return }
        if let answerAt, answerAt <= now, let mark {
            self.answerAt = nil
            guard let end = mark.end else {
                self.mark?.end(with: stored(rows, after: 0, now).last?.id ?? 0)
                fetch(after: after, now, delay)
                return
            }
            let scores = stored(rows, after: after, now).prefix(30)
            let page = scores.prefix { ($0.id ?? 0) <= end }
            for score in page { take(Int64(score.score), id: score.id ?? 0) }
            after = scores.last?.id ?? after
            if scores.count < 30 || page.count < scores.count {
                cursor = mark.position
            } else if let position = log.position(after: after) {
                cursor = min(position, mark.position)
            } else {
                fetch(after: after, now, delay)
            }
        }
        guard var cursor else { return }
        guard cursor >= log.tail else {
            leave()
            return
        }
        var rest = most
        while cursor < log.head, rest > 0 {
            let frame = log.bytes(from: cursor)
            take(frame.loadUnaligned(as: Int64.self), id: frame.loadUnaligned(fromByteOffset: 8, as: Int64.self))
            cursor += 64
            rest -= 1
        }
        self.cursor = cursor
    }

    private func take(_ row: Int64, id: Int64) {
        if !seen.insert(row).inserted { doubles += 1 }
        highest = max(highest, id)
    }
}
