import AMQP
import Bytes
import Reactor
import Scores
import Synchronization

/// The bus inside the process: what any reactor publishes goes to all consumers, which live on worker 0. Nothing of it
/// outlives the process, and nothing has to: the feed begins with what the store has, and the poster's queue
/// (`LocalQueue`) is a place in the store.
final class LocalExchange: Sendable {
    /// One message: a score's JSON object, or several, one a line.
    struct Message: Sendable {
        let scores: Int
        let body: [UInt8]
        /// What it takes, with all that is around it.
        var bytes: Int { body.count + 64 }
    }

    let mailbox: Mailbox<Message>
    /// Bytes that are in the mailbox.
    private let waiting = Atomic<Int>(0)
    /// Messages published so far, and those of them that all consumers have.
    private let published = Atomic<UInt64>(0)
    private let taken = Atomic<UInt64>(0)
    private let confirmsTaken = Atomic<Bool>(true)

    init() throws(SystemError) {
        mailbox = try Mailbox()
    }

    /// Whether more may be published: at most one message a reactor is over the limit.
    var hasRoom: Bool { waiting.load(ordering: .relaxed) < LocalLimits.exchangeBytes }

    /// - Returns: its number for `hasTaken`.
    func publish(_ message: Message) -> UInt64 {
        waiting.add(message.bytes, ordering: .relaxed)
        published.add(1, ordering: .acquiringAndReleasing)
        mailbox.post(message)
        // All that are before it in the mailbox are counted by now; some may be that are behind it.
        return published.load(ordering: .acquiring)
    }

    /// A message has reached the consumers.
    fileprivate func took(_ message: Message) {
        waiting.subtract(message.bytes, ordering: .relaxed)
        taken.add(1, ordering: .acquiringAndReleasing)
    }

    /// Whether all consumers have the message, so that the outbox may forget it.
    fileprivate func hasTaken(_ number: UInt64) -> Bool {
        confirmsTaken.load(ordering: .acquiring) && taken.load(ordering: .acquiring) >= number
    }

    /// Whether what was taken is found again when the process dies.
    func confirmsTaken(_ confirms: Bool) {
        confirmsTaken.store(confirms, ordering: .releasing)
    }
}

/// The receiving end: gives every message to every consumer.
final class LocalFanout: MailboxReceiver<LocalExchange.Message> {
    private let exchange: LocalExchange
    private var consumers: [LocalConsumer] = []

    init(_ reactor: Reactor, _ exchange: LocalExchange) throws(SystemError) {
        self.exchange = exchange
        try super.init(reactor, exchange.mailbox)
    }

    func bind(_ consumer: LocalConsumer) {
        consumers.append(consumer)
    }

    override func receive(_ message: LocalExchange.Message) {
        for consumer in consumers { consumer.take(message) }
        exchange.took(message)
    }
}

/// Who consumes from the local bus.
class LocalConsumer: BusConnection {
    override var isDurable: Bool { false }

    func take(_ message: LocalExchange.Message) {}
}

extension LocalExchange.Message {
    private static let object = Array("application/json".utf8)
    private static let lines = Array("application/x-ndjson".utf8)

    /// Hands it to `client` under a delivery tag.
    func deliver(to client: BusClient, tag: UInt64) {
        let contentType = scores > 1 ? Self.lines : Self.object
        client.delivered(
            Delivery(
                deliveryTag: tag, redelivered: false, timestamp: nil, contentType: contentType.span, messageID: Span(),
                body: body.span))
    }
}

/// What the outbox of one reactor publishes with. A message is confirmed when all consumers have it: while they lag, the
/// outbox has the rest.
final class LocalPublisher: BusConnection {
    private let reactor: Reactor
    private let exchange: LocalExchange
    private unowned let client: BusClient
    private var clock: Clock!  // made in init; needs self
    /// Published, and not confirmed yet, with their numbers, which rise.
    private var unconfirmed: [(ticket: UInt64, number: UInt64)] = []
    private var hasStarted = false

    init(_ reactor: Reactor, _ exchange: LocalExchange, _ client: BusClient) {
        self.reactor = reactor
        self.exchange = exchange
        self.client = client
        super.init()
        clock = Clock(self)
    }

    override func start() {
        _ = reactor.schedule(clock, at: reactor.now)
    }

    override func close(deadline: Instant) {
        hasStarted = false
    }

    override var isClosed: Bool { !hasStarted }
    override var isReady: Bool { hasStarted }
    override var isDurable: Bool { false }
    override var canPublish: Bool { hasStarted && exchange.hasRoom }

    override func publish(scores: Int, messageID: Span<UInt8>, body: Span<UInt8>, ticket: UInt64) -> Bool {
        guard canPublish else { return false }
        let number = exchange.publish(LocalExchange.Message(scores: scores, body: body.copied))
        if unconfirmed.isEmpty { _ = reactor.schedule(clock, at: reactor.now + LocalLimits.confirmPause) }
        unconfirmed.append((ticket, number))
        return true
    }

    private func turn() {
        if !hasStarted {
            hasStarted = true
            client.ready()
            return
        }
        var count = 0
        while count < unconfirmed.count, exchange.hasTaken(unconfirmed[count].number) { count += 1 }
        // Each may bring more to publish.
        for index in 0..<count { client.confirmed(unconfirmed[index].ticket) }
        unconfirmed.removeFirst(count)
        // What is confirmed late is published late: the outbox has a limit, and the store has none.
        if !unconfirmed.isEmpty { _ = reactor.schedule(clock, at: reactor.now + LocalLimits.confirmPause) }
    }

    private final class Clock: Source {
        private unowned let publisher: LocalPublisher
        init(_ publisher: LocalPublisher) { self.publisher = publisher }
        override func timerFired(_ tag: UInt32) { publisher.turn() }
    }
}

/// The feed's subscription: everything from the moment it began.
final class LocalSubscription: LocalConsumer {
    private let reactor: Reactor
    private unowned let client: BusClient
    private var clock: Clock!  // made in init; needs self
    private var isOpen = false
    private var isEnded = false

    init(_ reactor: Reactor, _ client: BusClient) {
        self.reactor = reactor
        self.client = client
        super.init()
        clock = Clock(self)
    }

    override func start() {
        // What is published from here on is in the mailbox when `ready` is told.
        isOpen = true
        _ = reactor.schedule(clock, at: reactor.now)
    }

    override func close(deadline: Instant) {
        isOpen = false
        isEnded = true
    }

    override var isClosed: Bool { isEnded }
    override var isReady: Bool { isOpen }

    override func take(_ message: LocalExchange.Message) {
        if isOpen { message.deliver(to: client, tag: 1) }
    }

    private func opened() {
        if isOpen { client.ready() }
    }

    private final class Clock: Source {
        private unowned let subscription: LocalSubscription
        init(_ subscription: LocalSubscription) { self.subscription = subscription }
        override func timerFired(_ tag: UInt32) { subscription.opened() }
    }
}
