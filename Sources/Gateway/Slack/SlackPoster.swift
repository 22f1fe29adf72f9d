import AMQP
import Bytes
import HTTPClient
import Logging
import Reactor
import Scores

/// Runs `SlackPace`: takes scores from the queue that all posters share, posts one message each, and acknowledges a
/// delivery when Slack has said ok to all its scores. What is not acknowledged the broker delivers again, to this poster
/// or another, so nothing is lost while Slack says no.
final class SlackPoster: AMQPClient {
    /// A delivery whose scores are being posted.
    private struct Waiting {
        let deliveryTag: UInt64
        let scores: [Score]
        var next = 0
    }

    private let reactor: Reactor
    private let client: HTTPClient
    private let settings: Configuration.Slack
    private let health: Health
    private let metrics: WorkerMetrics
    private let log: Logger
    private var outage: OutageLog
    private var invalid: ThrottledLog
    private var oversized: ThrottledLog
    private var connection: AMQPConnection!  // made in init; needs self
    private var clock: Clock!  // made in init; needs self

    private var deliveries: [Waiting] = []
    private var pace = SlackPace()
    private var isPosting = false
    private var timer = TimerToken.none
    private var isConnected = false
    private var isEnding = false

    /// Deliveries held unacknowledged. One may have 256 scores, and one score is posted a second: so many are done
    /// before RabbitMQ takes a delivery for lost (consumer_timeout, 30 minutes) and closes the channel, and what waits
    /// here is not kept from other posters.
    static let prefetch: UInt16 = 4

    init(
        _ reactor: Reactor, client: HTTPClient, settings: Configuration.Slack, configuration: AMQPConfiguration,
        topology: Topology, health: Health, metrics: WorkerMetrics, log: Logger
    ) {
        self.reactor = reactor
        self.client = client
        self.settings = settings
        self.health = health
        self.metrics = metrics
        self.log = log
        outage = OutageLog(log, "poster: broker")
        invalid = ThrottledLog(log, "poster: a message on the bus is no score")
        oversized = ThrottledLog(log, "poster: a message was dropped", level: .error)
        super.init()
        clock = Clock(self)
        var topology = topology
        topology.prefetch = Self.prefetch
        connection = AMQPConnection(reactor, configuration, topology: topology, publishes: false, client: self)
        connection.start()
    }

    /// Whether no post is under way.
    var isIdle: Bool { !isPosting }

    /// Begins no further post.
    func stopPosting() {
        isEnding = true
    }

    /// Stops taking and posting; what is not acknowledged stays with the broker.
    func close(deadline: Instant) {
        isEnding = true
        forget()
        reactor.cancel(timer)
        connection.close(deadline: deadline)
    }

    var isClosed: Bool { connection.isClosed }

    private func forget() {
        deliveries = []
        countWaiting()
    }

    private func countWaiting() {
        metrics.slackWaiting.store(UInt64(deliveries.reduce(0) { $0 + $1.scores.count - $1.next }))
    }

    // MARK: The queue

    override func ready(_ connection: AMQPConnection) {
        if !isConnected { health.brokerReached() }
        isConnected = true
        outage.reached()
    }

    override func disconnected(_ connection: AMQPConnection, error: AMQPError) {
        if isConnected { health.brokerLost() }
        isConnected = false
        // All of them will be delivered again. One whose post is under way may reach Slack twice: at least once.
        forget()
        guard error != .closed else { return }
        outage.failed("\(error)", at: reactor.now)
    }

    override func dropped(_ connection: AMQPConnection, error: AMQPError) {
        metrics.feedInvalidMessages.add()
        oversized.write("\(error)", at: reactor.now)
    }

    override func delivered(_ connection: AMQPConnection, _ delivery: borrowing Delivery) {
        var scores: [Score] = []
        var decoder = FeedMessageDecoder(contentType: delivery.contentType, body: delivery.body)
        while let line = decoder.next() {
            switch line {
            case .success(let score): scores.append(score)
            case .failure(let error):
                metrics.feedInvalidMessages.add()
                invalid.write("\(error)", at: reactor.now)
            }
        }
        guard !scores.isEmpty else {
            connection.ack(delivery.deliveryTag, multiple: false)
            return
        }
        deliveries.append(Waiting(deliveryTag: delivery.deliveryTag, scores: scores))
        postNext()
    }

    // MARK: Slack

    private func postNext() {
        countWaiting()
        guard !isPosting, !isEnding, let first = deliveries.first else { return }
        guard reactor.now >= pace.postAt else {
            reactor.cancel(timer)
            timer = reactor.schedule(clock, at: pace.postAt)
            return
        }
        pace.begin(reactor.now)
        isPosting = true
        var body = ByteBuffer()
        SlackText.appendBody(channel: settings.channel, score: first.scores[first.next], to: &body)
        let request = HTTPRequest(
            .post, settings.api.appending("/chat.postMessage"),
            fields: [
                (name: "Authorization", value: "Bearer \(settings.token)"),
                (name: "Content-Type", value: "application/json; charset=utf-8"),
            ], body: body.bytes.copied)
        client.send(request, Answer(self, first.deliveryTag))
    }

    private func finished(_ deliveryTag: UInt64, _ outcome: SlackOutcome) {
        isPosting = false
        let verdict = pace.finish(outcome, reactor.now, jitter: .random(in: 0...1))
        switch verdict.log {
        case .failing(let reason):
            log.warning("poster: Slack takes no messages; trying again", metadata: ["reason": "\(reason)"])
        case .recovered: log.info("poster: Slack takes messages again")
        case .dropped(let reason): log.error("poster: Slack will never take this", metadata: ["reason": "\(reason)"])
        case nil: break
        }
        if outcome == .posted { metrics.slackPosted.add() } else { metrics.slackFailed.add() }
        // The delivery may be gone with its connection, and then comes again.
        if verdict.acknowledge, deliveries.first?.deliveryTag == deliveryTag {
            deliveries[0].next += 1
            if deliveries[0].next == deliveries[0].scores.count {
                deliveries.removeFirst()
                connection.ack(deliveryTag, multiple: false)
            }
        }
        postNext()
    }

    /// One answer of Slack's, collected up to what an answer may have.
    private final class Answer: HTTPResponseHandler {
        /// Slack's answers have some hundred bytes; of what a broken proxy sends no more is looked at.
        private static let bytes = 64 << 10

        private let poster: SlackPoster
        private let deliveryTag: UInt64
        private var text = ByteBuffer()

        init(_ poster: SlackPoster, _ deliveryTag: UInt64) {
            self.poster = poster
            self.deliveryTag = deliveryTag
        }

        override func body(_ bytes: Span<UInt8>) -> Bool {
            text.append(bytes)
            return text.count <= Self.bytes
        }

        override func finished(_ result: Result<HTTPResponseHead, HTTPClientError>) {
            let outcome =
                switch result {
                case .success(let head):
                    SlackOutcome(status: head.status, retryAfter: head.retryAfter, body: text.bytes)
                case .failure(let error): SlackOutcome.unavailable("\(error)")
                }
            poster.finished(deliveryTag, outcome)
        }
    }

    private final class Clock: Source {
        private unowned let poster: SlackPoster
        init(_ poster: SlackPoster) { self.poster = poster }
        override func timerFired(_ tag: UInt32) { poster.postNext() }
    }
}
