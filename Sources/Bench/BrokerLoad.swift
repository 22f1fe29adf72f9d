import AMQP
import Bytes
import Reactor

/// Publishes scores straight to the broker's exchange, so that the feed can be measured without a database before it.
/// They have no id: the replaced services' publishers left it out too.
final class BrokerLoad: AlarmClock {
    private let plan: LoadPlan.Broker
    private let run: UInt16
    private var connection: AMQPConnection!
    private var arrivals: Arrivals?
    private var nextSerial: UInt32
    private var isSending = false
    private(set) var isReady = false
    private(set) var accepted = SerialSets()
    /// Scores that were never published, by how late they were when they were given up.
    private(set) var undelivered = LatencyRecord()
    /// Those that were published and not confirmed.
    private(set) var uncertain: [UncertainScores] = []
    /// When what is not confirmed yet was due, by ticket.
    private var unconfirmed: [UInt64: Int64] = [:]
    var window = LoadWindow()
    private(set) var notes: [String: Int] = [:]
    private var body = ByteBuffer()
    var counters = LoadCounters()

    private let worker: Int

    /// - Parameter worker: the load reactor that publishes.
    init(_ reactor: Reactor, _ plan: LoadPlan.Broker, worker: Int, run: UInt16) throws(SystemError) {
        self.plan = plan
        self.run = run
        self.worker = worker
        nextSerial = UInt32(worker) << 28
        try super.init(reactor)
        connection = AMQPConnection(
            reactor, plan.configuration, topology: Topology(exchange: plan.exchange), publishes: true,
            client: Client(self))
    }

    func connect() {
        connection.start()
    }

    func begin() {
        isSending = true
        arrivals = Arrivals(rate: plan.rate, burst: plan.burst, from: Reactor.monotonic())
        rang()
    }

    func settle() {
        // What was due while this thread was late is due all the same.
        rang()
        isSending = false
    }

    /// What is not confirmed by now is given up.
    func finish() {
        for ticket in unconfirmed.keys { giveUp(ticket) }
    }

    var isEveryMessageConfirmed: Bool { connection.unconfirmedCount == 0 }

    override func rang() {
        guard isSending, arrivals != nil else { return }
        let now = Reactor.monotonic()
        while let due = arrivals?.next, due <= now {
            // One message has what is due at one instant, up to the lines that a message may have.
            var count = 0
            while count < BenchLimits.brokerLines, arrivals?.next == due, arrivals?.take(now) != nil { count += 1 }
            publish(count, due: due)
        }
        if let next = arrivals?.next { set(next) }
    }

    private func publish(_ count: Int, due: Instant) {
        body.removeAll()
        let form: ScoreBody = count == 1 ? .single : .ndjson
        form.append(ScoreTag(run: run, due: due.nanoseconds, serial: nextSerial), count: count, to: &body)
        let ticket = UInt64(nextSerial) << 16 | UInt64(count)
        let isTaken = connection.publish(
            routingKey: "kolga", contentType: form.mediaType, messageID: Span(), timestamp: 0, body: body.bytes,
            ticket: ticket)
        guard isTaken else {
            counters.droppedArrivals += count
            if window.contains(due.nanoseconds) {
                let waited = Reactor.monotonic().nanoseconds - due.nanoseconds
                undelivered.recordUnanswered(waited, count: count)
            }
            return
        }
        unconfirmed[ticket] = due.nanoseconds
        nextSerial = UInt32(worker) << 28 | (nextSerial &+ UInt32(count)) & 0x0fff_ffff
    }

    private func giveUp(_ ticket: UInt64) {
        let count = Int(ticket & 0xffff)
        counters.droppedArrivals += count
        guard let due = unconfirmed.removeValue(forKey: ticket), window.contains(due) else { return }
        let waited = Reactor.monotonic().nanoseconds - due
        guard uncertain.count < BenchLimits.uncertainRequests else {
            undelivered.recordUnanswered(waited, count: count)
            return
        }
        uncertain.append(
            UncertainScores(worker: worker, first: Int(ticket >> 16 & 0x0fff_ffff), count: count, waited: waited))
    }

    private final class Client: AMQPClient {
        private unowned let load: BrokerLoad

        init(_ load: BrokerLoad) {
            self.load = load
        }

        override func ready(_ connection: AMQPConnection) {
            load.isReady = true
        }

        override func disconnected(_ connection: AMQPConnection, error: AMQPError) {
            load.isReady = false
            load.counters.brokenConnections += 1
            if error != .closed { load.notes["broker: \(error)", default: 0] += 1 }
        }

        override func confirmed(_ connection: AMQPConnection, ticket: UInt64) {
            load.unconfirmed[ticket] = nil
            let count = Int(ticket & 0xffff)
            load.counters.published += count
            for offset in 0..<count {
                load.accepted.insert(worker: load.worker, (Int(ticket >> 16) + offset) & 0x0fff_ffff)
            }
        }

        override func unconfirmed(_ connection: AMQPConnection, ticket: UInt64) {
            load.giveUp(ticket)
        }
    }
}
