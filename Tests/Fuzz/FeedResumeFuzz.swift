// The feed as its readers see it: reporters with their logs, a store and a bus, and clients that hop between reporters
// with nothing but the highest id they saw. What happens, and when, is the input. Properties:
//
// * every client has every score in the end, whatever was late, lost, evicted or begun anew;
// * every message is whole and says what was stored, however few bytes of it are taken at once;
// * who stays on one reporter sees no score twice;
// * who begins with a snapshot has every score that was stored since, and a snapshot is the newest of the log, in order;
// * a log is a queue of bytes: what is in it, and where each frame begins, is what a plain array says.
//
// Some messages have no id, as those of the replaced publisher.
//
// Input: a head of 8 bytes; then scores, from the front on, four bytes each (how late it is committed and published, by
// how much two reporters differ); and from the back on what is done, three bytes each (when, what, how much). What is
// promised has limits (`FeedLimits`), which the world here keeps to: nothing is later on a bus than that, nor more ids
// taken meanwhile.

import Bytes
import Scores

@testable import Gateway

@c(LLVMFuzzerTestOneInput)
public func fuzzFeedResume(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count >= 8 else { return 0 }
    let world = World(Array(UnsafeBufferPointer(start: start, count: count)))
    world.run()
    world.check()
    return 0
}

/// Milliseconds.
private typealias Time = Int64

private let step: Time = 100
private let lastRow: Time = 85_000
/// From here on nothing is disturbed any more, and everybody gets what is left.
private let quietFrom: Time = 95_000
private let end: Time = 135_000

private let patienceSpan = FeedLimits.patience.components.seconds * 1000

private func at(_ time: Time) -> Instant { Instant(nanoseconds: (time + 100_000_000) * 1_000_000) }
private func unix(_ time: Time) -> Int64 { (time + 1_000_000_000) / 1000 }

/// A stored score.
private struct Row {
    let id: Int64
    let taken: Time
    let committed: Time
    let published: Time
    /// The replaced publisher's message does not tell its id. The name does, so that it can be told here.
    let isNameless: Bool

    var score: Score {
        let user = [UInt8](repeating: UInt8(ascii: "a") + UInt8(id % 26), count: Int(id % 41) + 1)
        return Score(
            id: id, user: isNameless ? Array("\(id)".utf8) : user, score: Int32(id % 7),
            createdAt: Timestamp(microseconds: (taken + 1_000_000_000) * 1000))
    }

    /// As it comes on the bus.
    var message: Score {
        var message = score
        if isNameless { (message.id, message.createdAt) = (nil, nil) }
        return message
    }
}

/// Something is done to somebody.
private struct Deed {
    let time: Time
    let what: UInt8
    let argument: Time
}

private final class World {
    private(set) var rows: [Row] = []
    private var deeds: ArraySlice<Deed> = []
    private var reporters: [Reporter] = []
    private var clients: [Client] = []
    private let clientsHop: Bool

    init(_ input: [UInt8]) {
        let head = input[..<8]
        clientsHop = head[0] & 1 == 0
        let form: FeedForm = head[0] & 2 == 0 ? .frames : .events
        // As many ids as are taken in `FeedLimits.late` stay below `FeedLimits.overlap`.
        let pace = 400 + Time(head[1]) * 4
        let idStep = 1 + pace * Time(head[2]) / 900
        let outage = Outage(head[3], head[4], from: 5000, longest: 9000)

        var scores = input[8...]
        var deeds: [Deed] = []
        var time: Time = 0
        while scores.count >= 3, time < quietFrom {
            let deed = Array(scores.suffix(3))
            scores = scores.dropLast(3)
            time += Time(deed[0]) * step
            deeds.append(Deed(time: time, what: deed[1], argument: Time(deed[2])))
            // Half of what is left are scores.
            if deeds.count * 4 > scores.count { break }
        }
        self.deeds = deeds[...]

        var comings: [[(Time, Row)]] = [[], []]
        time = 0
        var id: Int64 = 0
        while time < lastRow {
            // At the pace, or after up to as long again; up to as many ids.
            time += pace * (head[7] & 1 == 0 ? 255 : 255 + Time(scores.first ?? 0)) / 255
            id += head[7] & 2 == 0 ? idStep : 1 + idStep * Time(scores.dropFirst().first ?? 255) / 256
            let delays = (scores.popFirst() ?? 0, scores.popFirst() ?? 0)
            let differences = (scores.popFirst() ?? 0, scores.popFirst() ?? 0)
            // So many of four. No log can tell how late they are, so none is very late: a statement, and its message.
            let isNameless = head[7] & 4 == 4 && differences.0 & 3 <= head[7] >> 3 & 3
            let longest: UInt8 = isNameless ? 251 : 255
            var committed = time + World.delay(min(delays.0, longest), longest: 8000, time)
            var published = committed + World.delay(min(delays.1, longest), longest: 10_000, time)
            committed = min(committed, quietFrom - 5000)
            published = min(max(committed, published), quietFrom - 5000)
            if outage.contains(published) { published = outage.end + published % 2000 }
            let row = Row(
                id: id, taken: time, committed: committed, published: published, isNameless: isNameless)
            rows.append(row)
            comings[0].append((published + Time(differences.0) * 700 / 255, row))
            comings[1].append((published + Time(differences.1) * 700 / 255, row))
        }
        for index in 0..<(clientsHop ? 2 : 1) {
            reporters.append(
                Reporter(
                    form, ring: head[5 + index] & 1 == 1 && clientsHop ? 4096 : 1 << 16,
                    comings: comings[index].sorted { $0.0 < $1.0 }, outage: outage,
                    isPaged: head[5 + index] & 2 == 2))
        }
        for index in 0..<3 { clients.append(Client(form, number: index, beginsWithSnapshot: head[7] & 32 == 32)) }
    }

    /// Mostly as good as nothing, sometimes long; and of those that were taken late enough for every reporter to stand
    /// from then on, a few come at the very end.
    private static func delay(_ byte: UInt8, longest: Time, _ time: Time) -> Time {
        if byte >= 252, time > 30_000 { return max(longest, 70_000 + Time(byte - 252) * 6000 - time) }
        return byte < 200 ? Time(byte) / 10 : Time(min(byte, 251) - 200) * longest / 51
    }

    func run() {
        for now in stride(from: Time(0), through: end, by: Time.Stride(step)) {
            while let deed = deeds.first, deed.time <= now {
                deeds = deeds.dropFirst()
                if now < quietFrom { perform(deed, now) }
            }
            for reporter in reporters { reporter.turn(now, rows) }
            for client in clients { client.turn(now, rows, reporters, isQuiet: now >= quietFrom) }
        }
    }

    private func perform(_ deed: Deed, _ now: Time) {
        let reporter = reporters[Int(deed.what >> 3) % reporters.count]
        let client = clients[Int(deed.what >> 3) % clients.count]
        switch deed.what & 7 {
        // Reporters end before what is late by more than they look for is taken.
        case 0: if clientsHop, now < 60_000 { reporter.isDownUntil = now + deed.argument * 24 }
        case 1: if now < 88_000 { reporter.isLostUntil = now + deed.argument * 24 }
        case 2: reporter.delay = 50 + deed.argument * 4
        case 3: if clientsHop { client.most = deed.argument == 255 ? .max : Int(deed.argument) * 4 }
        case 4: client.delay = 50 + deed.argument * 12
        case 7: if now < 30_000 { reporter.isSilentUntil = now + deed.argument * 100 }
        default:
            guard clientsHop else { return }
            client.leave()
            client.choice = Int(deed.argument & 1)
            client.awayUntil = now + (deed.what & 7 == 5 ? 0 : deed.argument * 120)
        }
    }

    func check() {
        for client in clients {
            for row in rows where row.committed > client.owedFrom {
                precondition(client.seen.contains(row.id), "a hole")
            }
            // Who came before the history did reads it from the store, and then sees it come.
            let mayDouble = clientsHop || (reporters[0].wentWithoutHistory && !client.beginsWithSnapshot)
            precondition(mayDouble || client.doubles == 0, "who stayed saw a double")
        }
        for reporter in reporters { reporter.check() }
    }
}

private struct Outage {
    let begin: Time
    let end: Time

    /// - Parameter length: 0: never.
    init(_ begin: UInt8, _ length: UInt8, from: Time, longest: Time) {
        self.begin = from + Time(begin) * 215
        end = self.begin + (length == 0 ? -1 : Time(length) * longest / 255)
    }

    func contains(_ time: Time) -> Bool { begin <= time && time <= end }
}

// MARK: A reporter

/// `FeedSource` and one `FeedHub`, with the history's answers after a while.
private final class Reporter {
    private(set) var log: FeedLog
    private(set) var isWarm = false
    var isDownUntil: Time = 0
    var isLostUntil: Time = 0
    /// The history does not answer it.
    var isSilentUntil: Time = 0
    /// Of the history's answers.
    var delay: Time = 50
    private let form: FeedForm
    private let ring: Int
    private var intake = FeedIntake(at: at(0))
    private let comings: [(Time, Row)]
    private var next = 0
    private let outage: Outage
    private let isPaged: Bool
    private var isUp = true
    private var isBound = false
    private var answerAt: Time?
    /// When it waits for the history no longer.
    private var patience: Time? = patienceSpan
    private(set) var wentWithoutHistory = false
    /// What should be in the log.
    private var model: FeedLogModel

    init(_ form: FeedForm, ring: Int, comings: [(Time, Row)], outage: Outage, isPaged: Bool) {
        self.form = form
        self.ring = ring
        self.comings = comings
        self.outage = outage
        self.isPaged = isPaged
        log = Reporter.log(ring)
        model = FeedLogModel(form, ring: ring)
    }

    private static func log(_ bytes: Int) -> FeedLog {
        guard let log = try? FeedLog(bytes: bytes) else { fatalError("no memory for a log") }
        return log
    }

    func turn(_ now: Time, _ rows: [Row]) {
        let shallBeUp = now >= isDownUntil
        if isUp, !shallBeUp {
            isWarm = false
            isBound = false
            answerAt = nil
            log = Reporter.log(ring)
            model = FeedLogModel(form, ring: ring)
        } else if !isUp, shallBeUp {
            intake = FeedIntake(at: at(now))
            patience = now + patienceSpan
        }
        isUp = shallBeUp
        let shallBeBound = isUp && now >= isLostUntil && !outage.contains(now)
        if isBound, !shallBeBound {
            intake.lost(at: at(now))
        } else if isUp, !isBound, shallBeBound {
            intake.ready(at: at(now))
            patience = now + patienceSpan
            ask(now)
        } else if isUp, !isBound, intake.catchUp == nil {
            intake.beginWithoutBus()
            if intake.catchUp != nil { ask(now) }
        }
        isBound = shallBeBound
        while next < comings.count, comings[next].0 <= now {
            if isBound {
                let item = FeedItem(comings[next].1.message, .bus, now: at(now), unixSeconds: unix(now))
                if !intake.came(item, at: at(now)) { ask(now) }
            }
            next += 1
        }
        if let answerAt, answerAt <= now, isSilentUntil <= now { answer(now, rows) }
        if isUp, let patience, patience <= now { goWithoutHistory(now) }
        publish(now)
    }

    private func goWithoutHistory(_ now: Time) {
        patience = nil
        guard intake.beginWithoutHistory(at: at(now)) else { return }
        publish(now)
        log.filled(.none)
        wentWithoutHistory = true
        model.goWithoutHistory()
        isWarm = true
    }

    private func ask(_ now: Time) {
        intake.asked(at: at(now))
        answerAt = now + delay
    }

    private func answer(_ now: Time, _ rows: [Row]) {
        answerAt = nil
        guard let question = intake.catchUp?.page else { return }
        let limit = question == .newest ? 400 : isPaged ? 20 : 1000
        let scores: [Score]
        switch question {
        case .newest: scores = Array(stored(rows, after: 0, now).suffix(limit))
        case .after(let id): scores = Array(stored(rows, after: id, now).prefix(limit))
        }
        let step = intake.answered(scores, isLast: scores.count < limit, at: at(now), unixSeconds: unix(now))
        publish(now)
        switch step {
        case .more: ask(now)
        case .done: patience = nil
        case .filled(let filling):
            patience = nil
            log.filled(filling)
            model.filled()
            model.checkSnapshots(log)
            isWarm = true
        }
    }

    private func publish(_ now: Time) {
        guard !intake.pending.isEmpty else { return }
        let batch = FeedBatch(intake.pending, compressedBy: nil)
        intake.removePending()
        log.begin(at(now))
        var size = 0
        _ = batch.forEach(form) { bytes, entry in
            size += bytes.count
            let isTaken = log.append(bytes, id: entry.id, entry.way, seen: entry.seen)
            if isTaken { model.note(Array(bytes), entry.id) }
            return isTaken
        }
        precondition(size == (form == .frames ? batch.frames : batch.events).count, "bytes that belong to no score")
        model.checkEnds(log)
        if now % 5000 == 0 { check() }
    }

    func check() { model.check(log) }
}

private func stored(_ rows: [Row], after id: Int64, _ now: Time) -> [Score] {
    rows.lazy.filter { $0.id > id && $0.committed <= now }.map(\.score)
}

// MARK: A client

/// `FeedSubscription` and the reader behind it.
private final class Client {
    private(set) var seen = Set<Int64>()
    private(set) var doubles = 0
    /// It is owed what was stored after this.
    private(set) var owedFrom: Time = -1
    let beginsWithSnapshot: Bool
    var awayUntil: Time = 0
    /// Where it goes next.
    var choice: Int
    /// How many bytes it takes in a turn.
    var most = Int.max
    /// Of the store's answers.
    var delay: Time = 50
    private let form: FeedForm
    private var highest: Int64 = 0
    private var reporter: Reporter?
    private var log: FeedLog?
    private var cursor: UInt64?
    private var after: Int64 = 0
    private var mark: BackfillMark?
    private var answerAt: Time?
    /// Sent, but not read yet: pages of the store.
    private var output = ByteBuffer()
    private var reader: FeedReader

    init(_ form: FeedForm, number: Int, beginsWithSnapshot: Bool) {
        self.form = form
        self.beginsWithSnapshot = beginsWithSnapshot
        choice = number
        reader = FeedReader(form)
    }

    func leave() {
        reporter = nil
        log = nil
        cursor = nil
        mark = nil
        answerAt = nil
        output.removeAll()
        reader = FeedReader(form)
    }

    func turn(_ now: Time, _ rows: [Row], _ reporters: [Reporter], isQuiet: Bool) {
        guard let reporter, reporter.log === log else {
            leave()
            if isQuiet || now > awayUntil { come(to: reporters[choice % reporters.count], now) }
            return
        }
        fetched(now, rows)
        read(isQuiet ? .max : most, rows)
    }

    private func come(to reporter: Reporter, _ now: Time) {
        guard reporter.isWarm else { return }
        self.reporter = reporter
        log = reporter.log
        reader = FeedReader(form, after: highest)
        if beginsWithSnapshot, highest == 0 {
            owedFrom = now
            reader = FeedReader(form)
            var snapshot = reporter.log.snapshot(ofNewest: 20)
            while let frame = reporter.log.next(&snapshot) { output.append(Array(frame).span) }
            cursor = snapshot.position
            return
        }
        switch reporter.log.resume(after: highest, at(now)) {
        case .log(let position): cursor = position
        case .store(let id): fetch(after: id, now)
        }
    }

    private func fetch(after id: Int64, _ now: Time) {
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

    private func fetched(_ now: Time, _ rows: [Row]) {
        guard let log, let answerAt, answerAt <= now, let mark else { return }
        self.answerAt = nil
        guard let end = mark.end else {
            self.mark?.end(with: stored(rows, after: 0, now).last?.id ?? 0)
            fetch(after: after, now)
            return
        }
        let scores = stored(rows, after: after, now).prefix(30)
        let page = scores.prefix { ($0.id ?? 0) <= end }
        output.append(FeedBatch.encode(page, form).bytes)
        after = scores.last?.id ?? after
        if scores.count < 30 || page.count < scores.count {
            cursor = mark.position
        } else if let position = log.position(after: after) {
            cursor = min(position, mark.position)
        } else {
            fetch(after: after, now)
        }
    }

    private func read(_ most: Int, _ rows: [Row]) {
        guard let log else { return }
        let fromPages = min(most, output.count)
        take(output.bytes.extracting(0..<fromPages), rows)
        output.consume(fromPages)
        guard let cursor, output.isEmpty else { return }
        guard cursor >= log.tail else {
            leave()
            return
        }
        let bytes = log.bytes(from: cursor)
        let count = min(most - fromPages, bytes.count)
        take(Array(bytes.prefix(count)).span, rows)
        self.cursor = cursor + UInt64(count)
    }

    private func take(_ bytes: Span<UInt8>, _ rows: [Row]) {
        for score in reader.read(bytes) {
            let name = score.user.span.decimalValue
            guard let id = score.id ?? name, let row = row(id, rows) else {
                preconditionFailure("a score that nobody stored")
            }
            let stored = score.id == nil ? row.message : row.score
            precondition(score == stored, "a score was changed")
            // Without its id nobody knows one for a double.
            if !seen.insert(id).inserted, !row.isNameless { doubles += 1 }
            if form == .frames { highest = max(highest, score.id ?? 0) }
        }
        // A browser comes again behind the last id that it was told.
        if form == .events { highest = reader.lastEventID ?? highest }
    }

    private func row(_ id: Int64, _ rows: [Row]) -> Row? {
        let index = rows.indices.partitioningIndex { rows[$0].id >= id }
        return index < rows.count && rows[index].id == id ? rows[index] : nil
    }
}
