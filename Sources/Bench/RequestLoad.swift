import Bytes
import HTTP1
import Reactor

/// The HTTP half of the load on one reactor: a closed loop that answers each answer with a request, or an open loop that
/// sends when it is due.
final class RequestLoad: AlarmClock {
    private let reactor: Reactor
    private let plan: LoadPlan.Requests
    let target: Target
    private let worker: Int
    private let run: UInt16
    private let connectionCount: Int
    private let rate: Double?
    /// Where in the interval between two bursts it begins, so that the load reactors do not burst at once.
    private let phase: Double
    private let requestHead: [UInt8]
    private var addresses = AddressList([])
    private var connections: [RequestConnection] = []
    private var resting: [RequestConnection] = []
    /// Connections with room for another request of an open loop.
    private var withRoom = Turns<RequestConnection>()
    private var arrivals: Arrivals?
    /// Arrivals that wait for room, oldest first from `waitingHead` on.
    private var waiting: [Int64] = []
    private var waitingHead = 0
    private var nextSerial: UInt32
    private var isSending = false
    private var isOver = false

    var counters = LoadCounters()
    var latencies = LatencyRecord()
    var window = LoadWindow()
    private(set) var accepted = SerialSets()
    /// Scores that no subscriber can get: never sent, or refused.
    private(set) var undelivered = LatencyRecord()
    /// Those of requests that were sent and have no answer.
    private(set) var uncertain: [UncertainScores] = []
    private(set) var statuses: [UInt16: Int] = [:]
    private(set) var notes: [String: Int] = [:]

    /// - Parameters:
    ///   - worker: which of the load reactors this is, and `threads` how many there are.
    init(
        _ reactor: Reactor, _ plan: LoadPlan.Requests, target: Target, worker: Int, threads: Int, run: UInt16
    ) throws(SystemError) {
        self.reactor = reactor
        self.plan = plan
        self.target = target
        self.worker = worker
        self.run = run
        connectionCount = LoadPlan.share(plan.connections, worker, of: threads)
        // By the connections it has: one without any sends nothing.
        let share = Double(connectionCount) / Double(plan.connections)
        rate = plan.rate.map { $0 * share }
        phase = Double(worker) / Double(threads)
        nextSerial = UInt32(worker) << 28
        requestHead = Self.head(plan, target)
        try super.init(reactor)
    }

    var method: Method { plan.kind == .get ? .get : .post }
    var pipelining: Int { plan.pipelining }
    var isEveryAnswerThere: Bool { connections.allSatisfy { $0.inFlight == 0 } && waitingHead == waiting.count }
    var isConnected: Bool { connections.count == connectionCount && connections.allSatisfy { $0.hasRoom } }

    // MARK: Commands

    func connect(to addresses: [SocketAddress]) {
        self.addresses = AddressList(addresses)
        connections = (0..<connectionCount).map { _ in RequestConnection(self) }
        for connection in connections { connect(connection) }
        _ = reactor.schedule(self, at: reactor.now + .seconds(1))
    }

    /// Begins to send.
    func begin() {
        isSending = true
        if let rate {
            guard rate > 0 else { return }
            arrivals = Arrivals(rate: rate, burst: plan.burst, from: Reactor.monotonic(), phase: phase)
            rang()
        } else {
            let now = Reactor.monotonic().nanoseconds
            for connection in connections { fill(connection, now) }
        }
    }

    /// Nothing more is due; what was is still sent, and what is on its way is still taken.
    func settle() {
        // What was due while this thread was late is due all the same.
        rang()
        isSending = false
    }

    /// What is still on its way will not be waited for: it counts as lost.
    func finish() {
        let unanswered = connections.reduce(0) { $0 + $1.inFlight }
        counters.lostRequests += unanswered
        let now = Reactor.monotonic().nanoseconds
        for due in waiting[waitingHead...] { neverSent(due, now) }
        if unanswered > 0 { notes["no answer by the end of the run", default: 0] += unanswered }
        isOver = true
        for connection in connections { connection.end("the end of the run") }
    }

    // MARK: Sending

    /// Appends one request.
    /// - Returns: the serial of its first score.
    func append(due: Int64, to output: inout ByteBuffer) -> UInt32 {
        let first = nextSerial
        output.append(requestHead)
        if case .post(let form, let count) = plan.kind {
            form.append(ScoreTag(run: run, due: due, serial: first), count: count, to: &output)
            nextSerial = UInt32(worker) << 28 | (nextSerial &+ UInt32(count)) & 0x0fff_ffff
        }
        return first
    }

    override func rang() {
        guard isSending, arrivals != nil else { return }
        let now = Reactor.monotonic()
        while let due = arrivals?.take(now) {
            if waiting.count - waitingHead < BenchLimits.waitingArrivals {
                waiting.append(due.nanoseconds)
            } else {
                neverSent(due.nanoseconds, now.nanoseconds)
            }
        }
        sendWaiting()
        if let next = arrivals?.next { set(next) }
    }

    private func sendWaiting() {
        let now = Reactor.monotonic().nanoseconds
        while waitingHead < waiting.count,
            let connection = withRoom.next({ $0.hasRoom }, left: { $0.isListed = false })
        {
            connection.send(due: waiting[waitingHead], now: now)
            waitingHead += 1
        }
        if waitingHead == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            waitingHead = 0
        } else if waitingHead > 4_096, waitingHead * 2 > waiting.count {
            waiting.removeFirst(waitingHead)
            waitingHead = 0
        }
    }

    private func fill(_ connection: RequestConnection, _ now: Int64) {
        guard rate == nil else {
            if !connection.isListed, connection.hasRoom {
                connection.isListed = true
                withRoom.append(connection)
            }
            if waitingHead < waiting.count { sendWaiting() }
            return
        }
        while isSending, connection.hasRoom { connection.send(due: now, now: now) }
    }

    // MARK: What connections tell

    func connected(_ connection: RequestConnection) {
        counters.connects += 1
        addresses.worked(&connection.attempt)
        fill(connection, Reactor.monotonic().nanoseconds)
    }

    func answered(_ connection: RequestConnection, status: UInt16, due: Int64, first: UInt32, contentBytes: Int) {
        let now = Reactor.monotonic().nanoseconds
        counters.answers += 1
        counters.contentBytes += contentBytes
        if status / 100 == 2 || status == 304 {
            latencies.record(now - due, isMeasured: window.contains(due))
            let count = plan.scoresPerRequest
            counters.scores += count
            for offset in 0..<count {
                accepted.insert(worker: worker, Int((first &+ UInt32(offset)) & 0x0fff_ffff))
            }
        } else {
            counters.refusals += 1
            statuses[status, default: 0] += 1
            missed(due, now)
        }
        fill(connection, now)
    }

    /// A request ended without an answer.
    func unanswered(due: Int64, first: UInt32) {
        guard window.contains(due) else { return }
        let waited = Reactor.monotonic().nanoseconds - due
        guard uncertain.count < BenchLimits.uncertainRequests else {
            missed(due, due + waited)
            return
        }
        latencies.recordUnanswered(waited)
        if plan.scoresPerRequest > 0 {
            uncertain.append(
                UncertainScores(
                    worker: worker, first: Int(first & 0x0fff_ffff), count: plan.scoresPerRequest, waited: waited))
        }
    }

    /// An arrival for which no connection had room.
    private func neverSent(_ due: Int64, _ now: Int64) {
        counters.droppedArrivals += 1
        missed(due, now)
    }

    /// What was due got no answer that is one, and its scores reach nobody.
    private func missed(_ due: Int64, _ now: Int64) {
        guard window.contains(due) else { return }
        latencies.recordUnanswered(now - due)
        undelivered.recordUnanswered(now - due, count: plan.scoresPerRequest)
    }

    /// A connection did not come up.
    func failed(_ connection: RequestConnection, why: String) {
        guard !isOver else { return }
        if addresses.failed(&connection.attempt) {
            connect(connection)
            return
        }
        counters.failedConnects += 1
        note("connect: \(why)")
        rest(connection)
    }

    /// A connection ended, and with it so many requests that have no answer.
    /// - Parameter isOrderly: the server ended it between answers. It may, and the next one follows at once.
    func lost(_ connection: RequestConnection, requests: Int, isOrderly: Bool, why: String) {
        guard !isOver else { return }
        counters.lostRequests += requests
        if requests > 0 { note("connection lost: \(why)") }
        if isOrderly {
            counters.serverCloses += 1
            connect(connection)
        } else {
            counters.brokenConnections += 1
            rest(connection)
        }
    }

    private func connect(_ connection: RequestConnection) {
        connection.connect(to: addresses.next(&connection.attempt), reactor)
    }

    private func rest(_ connection: RequestConnection) {
        resting.append(connection)
        _ = reactor.schedule(self, at: reactor.now + BenchLimits.reconnect, tag: 1)
    }

    /// Remembers what went wrong, once each, with how often.
    func note(_ what: String) {
        if notes.count < 64 || notes[what] != nil { notes[what, default: 0] += 1 }
    }

    override func timerFired(_ tag: UInt32) {
        guard !isOver else { return }
        if tag == 1 {
            if let connection = resting.popLast() { connect(connection) }
            return
        }
        let now = Reactor.monotonic().nanoseconds
        let limit = now - BenchLimits.answer.wholeNanoseconds
        for connection in connections {
            if let since = connection.connectingSince, since < now - BenchLimits.connect.wholeNanoseconds {
                connection.end("no handshake within \(BenchLimits.connect)")
                continue
            }
            guard let oldest = connection.oldest, oldest < limit else { continue }
            counters.timeouts += 1
            connection.end("no answer within \(BenchLimits.answer)")
        }
        _ = reactor.schedule(self, at: reactor.now + .seconds(1))
    }

    /// The head is the same for every request: all scores of a run have one length.
    private static func head(_ plan: LoadPlan.Requests, _ target: Target) -> [UInt8] {
        var output = ByteBuffer()
        let path = Array((target.prefix + plan.path).utf8)
        let host = Array(target.authority.utf8)
        RequestEncoder.begin(&output, plan.kind == .get ? .get : .post, path.span, host: host.span)
        if let token = plan.token {
            let value = Array("Bearer \(token)".utf8)
            RequestEncoder.field(&output, "Authorization", value.span)
        }
        if case .post(let form, let count) = plan.kind {
            RequestEncoder.field(&output, "Content-Type", form.mediaType)
            var body = ByteBuffer()
            form.append(ScoreTag(run: 0, due: 0, serial: 0), count: count, to: &body)
            RequestEncoder.contentLength(&output, Int64(body.count))
        }
        RequestEncoder.end(&output)
        return output.withUnsafeBytes { Array($0) }
    }
}
