import AMQP
import Bytes
import HTTPClient
import Logging
import Reactor
import Scores

/// Runs `SlackDigest` and `SlackPace`: takes scores from the queue that all posters share, posts what is held as one
/// message when the pace allows it, and acknowledges deliveries when Slack has said ok to the message that counts them.
/// What is not acknowledged the broker delivers again, to this poster or another, so nothing is lost while Slack says no.
///
/// Several posters keep the channel's limit without talking, because the broker lets one consume at a time: that one's
/// pace is the pace. Who takes over rests for a second first, as the former one may just have posted.
final class SlackPoster: BusClient {
    private let reactor: Reactor
    private let client: HTTPClient
    private let settings: Configuration.Slack
    private let health: Health
    private let metrics: WorkerMetrics
    private let log: Logger
    private var outage: OutageLog
    private var invalid: ThrottledLog
    private var oversized: ThrottledLog
    private var connection: BusConnection?
    private var clock: Clock!  // made in init; needs self

    private var digest = SlackDigest()
    private var pace = SlackPace()
    private var isPosting = false
    private var timer = TimerToken.none
    /// When `timer` is due; nil: it is not set.
    private var due: Instant?
    /// Deliveries are taken; false while they are handed back or lost.
    private var isTaking = false
    /// The next delivery is the first since the queue was consumed.
    private var isFirst = false
    private var hasToldOfQueue = false
    private var isConnected = false
    private var isEnding = false

    /// A poster that stands still without its connection being closed (stopped, its host gone) is missed by the broker
    /// after two to three of these, and then another takes over.
    static let heartbeat = Duration.seconds(10)

    init(
        _ reactor: Reactor, client: HTTPClient, settings: Configuration.Slack, health: Health, metrics: WorkerMetrics,
        log: Logger
    ) {
        self.reactor = reactor
        self.client = client
        self.settings = settings
        self.health = health
        self.metrics = metrics
        self.log = log
        outage = OutageLog(log, Outage("poster: broker", variable: .brokerURL))
        invalid = ThrottledLog(log, "poster: a message on the bus is no score")
        oversized = ThrottledLog(log, "poster: a message was dropped", level: .error)
        super.init()
        clock = Clock(self)
    }

    /// Begins to take from its queue; goes on by itself after every outage.
    func connect(_ connection: BusConnection) {
        self.connection = connection
        connection.start()
    }

    /// Whether no post is under way.
    var isIdle: Bool { !isPosting }

    /// Begins no further post.
    func stopPosting() {
        isEnding = true
        planNext()
    }

    /// Stops taking and posting; what is not acknowledged stays with the broker.
    func close(deadline: Instant) {
        isEnding = true
        forget()
        connection?.close(deadline: deadline)
    }

    var isClosed: Bool { connection?.isClosed ?? true }

    private func forget() {
        isTaking = false
        digest.forget()
        planNext()
    }

    // MARK: The queue

    override func ready() {
        if !isConnected {
            health.brokerReached()
            if connection?.isDurable == true { outage.reached() }
        }
        isConnected = true
        isTaking = true
        isFirst = true
        pace.rest(reactor.now)
        planNext()
        if let refusal = connection?.queueRefusal, !hasToldOfQueue {
            hasToldOfQueue = true
            log.notice(
                """
                poster: the queue is there with other arguments and is used as it is; unless it has \
                x-single-active-consumer, several posters share it and keep Slack's limit only as Slack tells them to
                """, metadata: ["broker": "\(refusal)"])
        }
    }

    override func disconnected(_ error: AMQPError) {
        // Of a queue that is gone with its messages what was delivered is all that is left; it can still be acknowledged.
        // Otherwise all comes again. What a post under way tells may reach Slack twice: at least once.
        if error != .consumerCancelled { forget() }
        if error == .handedBack { return }
        if isConnected { health.brokerLost() }
        isConnected = false
        guard error != .closed else { return }
        outage.failed("\(error)", hint: error.operatorHint, at: reactor.now)
    }

    override func dropped(_ error: AMQPError) {
        metrics.feedInvalidMessages.add()
        oversized.write("\(error)", at: reactor.now)
    }

    override func delivered(_ delivery: borrowing Delivery) {
        // What comes while the others are handed back goes the same way.
        guard isTaking, let connection else { return }
        var isEmpty = true
        var decoder = FeedMessageDecoder(contentType: delivery.contentType, body: delivery.body)
        while let line = decoder.next() {
            switch line {
            case .success(let score):
                digest.take(score, deliveryTag: delivery.deliveryTag, now: reactor.now)
                isEmpty = false
            case .failure(let error):
                metrics.feedInvalidMessages.add()
                invalid.write("\(error)", at: reactor.now)
            }
        }
        if isEmpty { connection.ack(delivery.deliveryTag, multiple: false) }
        // Who stood by while another one posted has just taken over from it.
        if isFirst, connection.otherConsumers > 0 || delivery.redelivered { pace.rest(reactor.now) }
        isFirst = false
        // Not at once: what else comes in this turn goes out in the same message.
        planNext()
    }

    // MARK: Slack

    /// Sets the timer for what is to be done next, unless an answer has to come first.
    private func planNext() {
        metrics.slackWaiting.store(UInt64(digest.count))
        // While the queue is being declared there is nothing to hand back to; `ready` plans again.
        let holdEnd = connection?.isReady == true ? digest.heldSince + ScoreLimits.slackHold : .distantFuture
        let next = isPosting || isEnding || digest.count == 0 ? nil : min(max(pace.postAt, reactor.now), holdEnd)
        guard next != due else { return }
        reactor.cancel(timer)
        due = next
        if let next { timer = reactor.schedule(clock, at: next) }
    }

    private func timerFired() {
        guard let due else { return }
        self.due = nil
        if reactor.now > due + Self.heartbeat {
            // This process stood still, and another may have taken over: what the broker has to say is read first.
            pace.rest(reactor.now)
        } else if reactor.now >= pace.postAt {
            post()
        } else if reactor.now >= digest.heldSince + ScoreLimits.slackHold {
            let scores = digest.count
            if connection?.handBackDeliveries() == true {
                log.info("poster: handing scores back to the broker", metadata: ["scores": "\(scores)"])
                forget()
            }
        }
        planNext()
    }

    private func post() {
        pace.begin(reactor.now)
        isPosting = true
        let scores = digest.count
        var body = ByteBuffer()
        SlackText.appendBody(channel: settings.channel, text: digest.begin(), to: &body)
        let request = HTTPRequest(
            .post, settings.api.appending("/chat.postMessage"),
            fields: [
                (name: "Authorization", value: "Bearer \(settings.token)"),
                (name: "Content-Type", value: "application/json; charset=utf-8"),
            ], body: body.bytes.copied, deadline: .total(ScoreLimits.slackAnswer))
        client.send(request, Answer(self, scores))
    }

    private func finished(_ scores: Int, _ outcome: SlackOutcome) {
        isPosting = false
        // Not when this turn began: the answer may have come in it, to what was sent in it.
        switch pace.finish(outcome, Reactor.monotonic(), jitter: .random(in: 0...1)) {
        case .failing(let reason):
            log.warning("poster: Slack takes no messages; trying again", metadata: ["reason": "\(reason)"])
        case .recovered: log.info("poster: Slack takes messages again")
        case nil: break
        }
        count(outcome, scores)
        switch outcome {
        case .posted:
            // Nothing, when the deliveries are gone with their connection: they come again.
            if let told = digest.posted() { connection?.ack(told.deliveryTag, multiple: true) }
        case .unpostable(let reason):
            if let told = digest.refused() {
                connection?.ack(told.deliveryTag, multiple: true)
                metrics.slackScoresLost.add(UInt64(told.scores))
                log.error(
                    "poster: Slack will never take this", metadata: ["reason": "\(reason)", "scores": "\(told.scores)"])
            }
        case .rateLimited, .unavailable, .refused: digest.failed()
        }
        planNext()
    }

    private func count(_ outcome: SlackOutcome, _ scores: Int) {
        if outcome == .posted {
            metrics.slackPosted.add()
            metrics.slackScoresTold.add(UInt64(scores))
            if scores > 1 { metrics.slackDigests.add() }
        } else {
            metrics.slackFailed.add()
            if case .rateLimited = outcome { metrics.slackLimited.add() }
        }
        if case .refused = outcome { metrics.slackRefuses.store(1) } else { metrics.slackRefuses.store(0) }
    }

    /// One answer of Slack's, collected up to what an answer may have.
    private final class Answer: HTTPResponseHandler {
        private let poster: SlackPoster
        private let scores: Int
        private var text = ByteBuffer()
        private var isCut = false

        init(_ poster: SlackPoster, _ scores: Int) {
            self.poster = poster
            self.scores = scores
        }

        override func body(_ bytes: Span<UInt8>) -> Bool {
            // The message is posted whatever more comes; `slackAnswer` bounds how long that may take.
            let room = ScoreLimits.slackAnswerBytes - text.count
            isCut = isCut || bytes.count > room
            text.append(bytes.extracting(0..<min(bytes.count, room)))
            return true
        }

        override func finished(_ result: Result<HTTPResponseHead, HTTPClientError>) {
            let outcome =
                switch result {
                case .success(let head):
                    SlackOutcome(
                        status: head.status, retryAfter: head.retryAfter, body: text.bytes, isCut: isCut)
                case .failure(let error): SlackOutcome.unavailable("\(error)")
                }
            poster.finished(scores, outcome)
        }
    }

    private final class Clock: Source {
        private unowned let poster: SlackPoster
        init(_ poster: SlackPoster) { self.poster = poster }
        override func timerFired(_ tag: UInt32) { poster.timerFired() }
    }
}
