import Bytes
import HTTP1
import Histogram
import Reactor

/// The subscribers of one load reactor: brings them up at the ramp's pace, judges every delivery, brings back who was lost.
final class FeedLoad: Source {
    private enum Timer: UInt32 {
        case ramp, deadline, reconnect, slowRead
    }

    private let reactor: Reactor
    private let plan: LoadPlan.Feed
    private let subscribers: Int
    private let firstNumber: Int
    private let ramp: Double
    private let sources: [SocketAddress]
    private var addresses = AddressList([])
    private var members: [FeedSubscriber] = []
    private var lost: [FeedSubscriber] = []
    private var slow: [FeedSubscriber] = []
    private var rampStart = Instant.distantFuture
    private var connectsUnderWay = 0
    private var stormed = 0
    private var nextSource = 0
    private var isOver = false
    /// The path, cut where the subscriber's number goes.
    private let pathParts: [String]
    /// Nothing has been sent by anybody yet, as far as is known.
    var isQuiet = true

    var counters = LoadCounters()
    var window = LoadWindow()
    private(set) var ledger: DeliveryLedger
    private(set) var latencies = LatencyRecord()
    private(set) var connects = LatencyRecord()
    private(set) var notes: [String: Int] = [:]
    private(set) var doubleIDs: [Int64] = []
    private(set) var lastDelivery = Instant(nanoseconds: 0)

    init(_ reactor: Reactor, _ plan: LoadPlan.Feed, worker: Int, threads: Int, run: UInt16) {
        self.reactor = reactor
        self.plan = plan
        subscribers = LoadPlan.share(plan.subscribers, worker, of: threads)
        ramp = plan.ramp / Double(threads)
        ledger = DeliveryLedger(run: run)
        sources = (0..<plan.sources).compactMap { SocketAddress(numeric: "127.0.\($0 / 250).\($0 % 250 + 1)", port: 0) }
        nextSource = worker
        firstNumber = worker * BenchLimits.connections.upperBound + 1
        pathParts = Self.parts(of: plan.path)
    }

    static func parts(of path: String) -> [String] {
        var parts: [String] = [""]
        var rest = path[...]
        while !rest.isEmpty {
            if rest.hasPrefix("{id}") {
                parts.append("")
                rest = rest.dropFirst(4)
            } else {
                parts[parts.count - 1].append(rest.removeFirst())
            }
        }
        return parts
    }

    /// Where one subscriber connects to, and from where on it wants the feed.
    static func path(_ parts: [String], number: Int, after: Int64?) -> String {
        let path = parts.joined(separator: "\(number)")
        return path + (path.contains("?") ? "&" : "?") + (after.map { "after=\($0)" } ?? "history=0")
    }

    var target: Target { plan.target }

    /// Subscribers whose connection stands.
    var openCount: Int { counters.connects - counters.disconnects - stormed }
    var isConnected: Bool { members.count == subscribers && connectsUnderWay == 0 && lost.isEmpty }

    // MARK: Commands

    func connect(to addresses: [SocketAddress]) {
        self.addresses = AddressList(addresses)
        rampStart = reactor.now
        members.reserveCapacity(subscribers)
        timerFired(Timer.ramp.rawValue)
        timerFired(Timer.deadline.rawValue)
        if plan.slowShare > 0 { timerFired(Timer.slowRead.rawValue) }
    }

    /// A share of the subscribers loses its connection at once and comes back at once: the last ones, for the first are
    /// the slow readers, which are not judged.
    func storm() {
        let count = Int((Double(members.count) * plan.stormShare).rounded())
        for member in members.suffix(count) where member.isOpen {
            stormed += 1
            member.drop()
        }
    }

    func finish() {
        isOver = true
        for member in members { member.drop() }
    }

    /// Subscribers that stayed to the end and are judged, and what they have not got by now.
    func judge(_ now: Int64) -> (subscribers: Int, holes: Int, ids: [Int64]) {
        var judged = 0
        var holes = 0
        var ids: [Int64] = []
        for member in members where !member.isSlow {
            guard let cursor = member.cursor else { continue }
            judged += 1
            for range in cursor.holes(of: ledger.count) {
                holes += range.count
                for place in range {
                    let entry = ledger.entries[place]
                    if window.contains(entry.due) { latencies.recordUnanswered(now - entry.due) }
                    if ids.count < BenchLimits.namedFaults, !ids.contains(entry.key) { ids.append(entry.key) }
                }
            }
        }
        return (judged, holes, ids)
    }

    // MARK: What subscribers tell

    func appendHandshake(
        key: borrowing [24 of UInt8], number: Int, after: Int64?, to output: inout ByteBuffer
    ) {
        let path = Array((plan.target.prefix + Self.path(pathParts, number: number, after: after)).utf8)
        let host = Array(plan.target.authority.utf8)
        RequestEncoder.begin(&output, .get, path.span, host: host.span)
        RequestEncoder.field(&output, "Upgrade", "websocket")
        RequestEncoder.field(&output, "Connection", "Upgrade")
        RequestEncoder.field(&output, "Sec-WebSocket-Version", "13")
        RequestEncoder.field(&output, "Sec-WebSocket-Key", key.span)
        RequestEncoder.end(&output)
    }

    func opened(_ member: FeedSubscriber, after nanoseconds: Int64) {
        connectsUnderWay -= 1
        addresses.worked(&member.attempt)
        counters.connects += 1
        connects.record(nanoseconds, isMeasured: true)
        if member.cursor != nil, member.highest != nil {
            member.cursor!.resume()
            counters.reconnects += 1
        } else {
            // Without an id there is nothing to resume after: what was sent meanwhile is not due.
            member.cursor = DeliveryCursor(at: ledger.count, isQuiet: isQuiet)
        }
        if member.isSlow { slow.append(member) }
        openMore()
    }

    /// - Returns: the message's id, if it has one and is new to the subscriber.
    func delivered(
        _ text: Span<UInt8>, _ cursor: inout DeliveryCursor, now: Int64, isJudged: Bool
    ) -> Int64? {
        counters.deliveries += 1
        lastDelivery = Instant(nanoseconds: now)
        switch ledger.deliver(text, to: &cursor) {
        case .new(let place):
            let due = ledger.entries[place].due
            if due > 0, isJudged { latencies.record(now - due, isMeasured: window.contains(due)) }
            return id(at: place)
        case .double(let place):
            counters.doubles += 1
            if doubleIDs.count < BenchLimits.namedFaults, let id = id(at: place) { doubleIDs.append(id) }
        case .repeated: counters.repeated += 1
        case .past: counters.past += 1
        case .unjudged: counters.unjudged += 1
        case .beyond(let id, let due):
            counters.beyond += 1
            if due > 0, isJudged { latencies.record(now - due, isMeasured: window.contains(due)) }
            return id
        }
        return nil
    }

    /// The id of a message; nil when it has none.
    private func id(at place: Int) -> Int64? {
        let key = ledger.entries[place].key
        return key >= 0 ? key : nil
    }

    /// A slow reader has read.
    func rest(_ member: FeedSubscriber) {
        member.setReading(false)
        slow.append(member)
    }

    func ended(_ member: FeedSubscriber, wasConnected: Bool, wasOpen: Bool, why: String) {
        guard !isOver else { return }
        if !wasOpen {
            connectsUnderWay -= 1
            if !wasConnected, addresses.failed(&member.attempt) {
                open(member)
                return
            }
            counters.failedConnects += 1
            note("connect: \(why)")
        } else if !member.isLeaving {
            counters.disconnects += 1
            note("feed connection lost: \(why)")
        }
        if wasOpen, member.isLeaving {
            open(member)
        } else {
            lost.append(member)
            _ = reactor.schedule(self, at: reactor.now + BenchLimits.reconnect, tag: Timer.reconnect.rawValue)
        }
    }

    /// Remembers what went wrong, once each, with how often.
    func note(_ what: String) {
        if notes.count < 64 || notes[what] != nil { notes[what, default: 0] += 1 }
    }

    /// The latencies of the present second; the next one begins.
    func takeSecond() -> Histogram<UInt64>? {
        latencies.takeSecond()
    }

    // MARK: Connecting

    private func open(_ member: FeedSubscriber) {
        connectsUnderWay += 1
        let source = sources.isEmpty ? nil : sources[nextSource % sources.count]
        nextSource += 1
        member.connect(to: addresses.next(&member.attempt), from: source, reactor)
    }

    private func openMore() {
        guard !isOver else { return }
        let due = Int(ramp * Double((reactor.now - rampStart).wholeNanoseconds) / 1e9) + 1
        while members.count < min(due, subscribers), connectsUnderWay < BenchLimits.handshakesAtOnce {
            let isSlow = Double(members.count) < plan.slowShare * Double(subscribers)
            let member = FeedSubscriber(self, number: firstNumber + members.count, isSlow: isSlow)
            members.append(member)
            open(member)
        }
    }

    override func timerFired(_ tag: UInt32) {
        guard !isOver else { return }
        switch Timer(rawValue: tag) {
        case .ramp:
            openMore()
            if members.count < subscribers {
                _ = reactor.schedule(self, at: reactor.now + .milliseconds(5), tag: tag)
            }
        case .deadline:
            let limit = Reactor.monotonic().nanoseconds - BenchLimits.connect.wholeNanoseconds
            for member in members { member.giveUp(before: limit) }
            _ = reactor.schedule(self, at: reactor.now + .seconds(1), tag: tag)
        case .reconnect:
            if let member = lost.popLast() { open(member) }
        case .slowRead:
            let due = slow
            slow.removeAll(keepingCapacity: true)
            for member in due { member.setReading(true) }
            _ = reactor.schedule(self, at: reactor.now + BenchLimits.slowRead, tag: tag)
        case nil: break
        }
    }
}
