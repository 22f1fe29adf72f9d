import AMQP
import Bytes
import Glibc
import HTTPClient
import HTTPServer
import Logging
import Postgres
import Reactor
import TLS

/// One thread of the gateway: its reactor and everything that lives on it. Worker 0 also takes the feed from the bus,
/// posts to Slack, and hears the signals. Made on its own thread.
final class Worker: Source {
    /// Everything a worker needs to know before it is made.
    struct Plan: Sendable {
        let index: Int
        let configuration: Configuration
        let address: SocketAddress
        let workers: Workers
        let bus: Bus
        /// nil when the store is PostgreSQL, or there is none.
        let sqlite: SQLiteServices?
        let health: Health
        let admission: Admission
        let systemd: Systemd
        /// nil: plain HTTP.
        let tls: TLSContext?
        let log: Logger
    }

    private enum TimerTag {
        static let shutdown: UInt32 = 0
        static let pulse: UInt32 = 1
    }

    private let plan: Plan
    fileprivate let reactor: Reactor
    private let routes: Routes
    private let server: HTTPServer
    private let metrics: WorkerMetrics
    private var inbox: Inbox?
    private var signals: GatewaySignals?
    private var store: ScoreStore?
    private var uploads: ScoreUpload.Services?
    private var relay: OutboxRelay?
    private var fanout: LocalFanout?
    private var hub: FeedHub?
    private var events: FeedHub?
    private var feed: FeedSource?
    /// Empty between two messages.
    private var feedBatches: [FeedBatch] = []
    private var poster: SlackPoster?
    private var shutdown: Shutdown
    /// The second in which the reactor's load was counted last.
    private var countedAt: Int64 = 0

    init(_ plan: Plan) throws(StartError) {
        self.plan = plan
        let configuration = plan.configuration
        metrics = plan.workers.metrics[plan.index]
        shutdown = Shutdown(hearsSignals: plan.index == 0)
        do throws(SystemError) {
            reactor = try Reactor()
            let crossOrigin = CrossOrigin(configuration.allowedOrigins)
            routes = Routes(
                reactor, configuration, admission: plan.admission, crossOrigin: crossOrigin, health: plan.health,
                workers: plan.workers, metrics: metrics, log: plan.log)
            server = try HTTPServer(
                reactor,
                HTTPServer.Options(
                    address: plan.address, sharesPort: true,
                    inherited: plan.systemd.sockets(of: plan.index, among: configuration.reactors),
                    maximumConnections: max(1, configuration.maxConnections / configuration.reactors),
                    fieldSets: crossOrigin.fieldSets, asksForAdmission: plan.admission.watchesConnections,
                    heldBytes: max(
                        HTTPServerLimits.heldBytesOfReactor, HTTPServerLimits.heldBytes / configuration.reactors),
                    requestTimeout: configuration.requestTimeout, idleTimeout: configuration.idleTimeout),
                tls: plan.tls, responder: routes)
            super.init()
            inbox = try Inbox(self, plan.workers.mailboxes[plan.index])
            if plan.index == 0 { signals = try GatewaySignals(self) }
            if plan.index == 0, case .local(let exchange) = plan.bus {
                fanout = try LocalFanout(reactor, exchange)
            }
            try makeScores()
        } catch {
            throw StartError(error, address: plan.address)
        }
        try makeReporter()
        try makePoster()
        routes.services = Routes.Services(
            uploads: uploads, store: store, hub: hub, events: events, page: makePage(), docs: makeDocs())
        metrics.certificateNotAfter.store(UInt64(clamping: plan.tls?.notAfter ?? 0))
        reactor.addBeforeSleep(self)
        if plan.systemd.watchdog != nil { pulse() }
    }

    func run() {
        reactor.run()
    }

    // MARK: Parts

    private func makeScores() throws(SystemError) {
        guard plan.configuration.role.hostsScores else { return }
        let relay = OutboxRelay(
            reactor, plan.bus, plan.configuration, health: plan.health, metrics: metrics, outage: plan.workers.broker,
            log: plan.log)
        self.relay = relay
        let answers = WriteAnswers(server, running: plan.workers.runningKeys, metrics: metrics)
        let store: ScoreStore
        if let sqlite = plan.sqlite {
            store = try SQLiteStore(
                reactor, worker: plan.index, sqlite, server: server, answers: answers, relay: relay,
                health: plan.health, metrics: metrics)
        } else if let database = plan.configuration.postgres {
            store = makePostgres(database, relay, answers)
        } else {
            preconditionFailure("scores without a store were configured")
        }
        self.store = store
        uploads = ScoreUpload.Services(
            store: store, answers: answers, running: plan.workers.runningKeys, maximumBody: plan.configuration.maxBody)
    }

    private func makePostgres(
        _ database: PostgresConfiguration, _ relay: OutboxRelay, _ answers: WriteAnswers
    ) -> PostgresStore {
        PostgresStore(
            writer: ScoreWriter(
                reactor, database, answers: answers, relay: relay, health: plan.health, metrics: metrics,
                outage: plan.workers.database, log: plan.log),
            reader: ScoreReader(
                reactor, database, health: plan.health, outage: beside(plan.workers.reads), log: plan.log),
            batches: BatchTransactions(
                reactor, database, server: server, answers: answers, metrics: metrics,
                outage: beside(plan.workers.batches), log: plan.log),
            sweeper: plan.index == 0
                ? OutboxSweeper(
                    reactor, database, relay: relay, metrics: metrics, beside: plan.workers.database, log: plan.log)
                : nil)
    }

    /// Of a connection beside the writer's.
    private func beside(_ outage: Outage) -> SideOutageLog {
        SideOutageLog(plan.log, outage, beside: plan.workers.database)
    }

    private func makeReporter() throws(StartError) {
        let configuration = plan.configuration
        guard configuration.role.hostsReporter else { return }
        let history: ScoreHistory
        if let store {
            history = StoreHistory(store)
        } else if let scoresAPI = configuration.scoresAPI {
            history = ScoresAPIHistory(reactor, try makeClient(), api: scoresAPI, log: plan.log)
        } else {
            preconditionFailure("a reporter without a history was configured")
        }
        hub = FeedHub(reactor, .frames, log: try makeLog(), history: history, metrics: metrics)
        events = FeedHub(reactor, .events, log: try makeLog(), history: history, metrics: metrics)
        guard plan.index == 0 else { return }
        let feed = FeedSource(
            reactor, history: history, depth: configuration.feedHistory, workers: plan.workers, health: plan.health,
            metrics: metrics, log: plan.log)
        feed.connect(plan.bus.subscription(reactor, configuration, fanout, feed))
        self.feed = feed
    }

    private func makeLog() throws(StartError) -> FeedLog {
        do throws(SystemError) {
            return try FeedLog(bytes: plan.configuration.feedLogBytes)
        } catch {
            throw StartError("the feed's log of FEED_LOG_BYTES: \(error)")
        }
    }

    private func makePoster() throws(StartError) {
        let configuration = plan.configuration
        guard plan.index == 0, configuration.role.hostsPoster else { return }
        guard let slack = configuration.slack else {
            plan.log.notice("poster: off, for SLACK_API_TOKEN is not set")
            return
        }
        let poster = SlackPoster(
            reactor, client: try makeClient(), settings: slack, health: plan.health, metrics: metrics, log: plan.log)
        poster.connect(plan.bus.queue(reactor, configuration, fanout, store, poster))
        self.poster = poster
    }

    private func makeClient() throws(StartError) -> HTTPClient {
        do throws(HTTPClientError) {
            return try HTTPClient(reactor, userAgent: "score-gateway/\(Version.text)")
        } catch {
            throw StartError("cannot ask by HTTP: \(error.text)")
        }
    }

    private func makePage() -> Page? {
        guard hub != nil else { return nil }
        // Everybody reads the page: what REPORTER_URL may say of a login stays out of it.
        return Page(
            reporterURL: plan.configuration.reporterURL?.withoutLogin,
            takesScores: plan.configuration.role.hostsScores && plan.configuration.apiTokens == nil)
    }

    private func makeDocs() -> Routes.Docs? {
        let configuration = plan.configuration
        guard configuration.role.hostsScores else { return nil }
        return Routes.Docs(
            document: OpenAPIDocument(configuration), page: DocsPage())
    }

    // MARK: Messages

    fileprivate func receive(_ message: WorkerMessage) {
        switch message {
        case .feed:
            if let gap = plan.workers.feeds[plan.index].take(into: &feedBatches) {
                hub?.skip(gap)
                events?.skip(gap)
                metrics.feedSkipped.add(UInt64(gap.scores))
            }
            for batch in feedBatches {
                hub?.append(batch)
                events?.append(batch)
            }
            feedBatches.removeAll(keepingCapacity: feedBatches.count <= FeedLimits.batchesKept)
        case .feedIsWarm(let filling):
            hub?.warmed(filling)
            events?.warmed(filling)
        case .certificate(let tls):
            server.tls = tls
            metrics.certificateNotAfter.store(UInt64(clamping: tls.notAfter ?? 0))
        case .schemaIsReady:
            store?.start()
        case .drain(let delay, let spread):
            shutdown.begin(
                after: delay, spreadOver: spread, timeout: plan.configuration.shutdownTimeout, at: reactor.now)
            lookAtShutdown()
        }
    }

    override func beforeSleep() {
        metrics.connections.store(UInt64(server.connectionCount))
        // Once a second: nobody looks more often.
        guard reactor.unixSeconds != countedAt else { return }
        countedAt = reactor.unixSeconds
        metrics.handshakesFailed.store(server.counters.handshakesFailed)
        let counters = server.counters
        for reason in ConnectionRefusal.allCases {
            metrics.connectionsRefused[reason.rawValue].store(counters.refusals[reason.rawValue])
        }
        for reason in ConnectionEnd.allCases {
            metrics.connectionsEnded[reason.rawValue].store(counters.ends[reason.rawValue])
        }
        metrics.heldBytes.store(UInt64(server.heldByClients))
        let load = reactor.load
        metrics.turns.store(load.turns)
        metrics.busyNanoseconds.store(load.busyNanoseconds)
        for bucket in 0..<9 { metrics.turnsByLength[bucket].store(load.turnsByLength[bucket]) }
    }

    /// Four signs of life in the time after which the service manager takes us for dead. The first worker gives them, and
    /// only while the others live too: one reactor that hangs is one connection in N that hangs.
    private func pulse() {
        guard let watchdog = plan.systemd.watchdog else { return }
        plan.workers.beat(plan.index, at: reactor.now)
        // Those that have ended at a shutdown beat no more.
        if plan.index == 0, shutdown.isClosing || plan.workers.allHaveBeaten(within: watchdog, before: reactor.now) {
            plan.systemd.notify(.alive)
        }
        _ = reactor.schedule(self, at: reactor.now + watchdog / 4, tag: TimerTag.pulse)
    }

    // MARK: Shutdown

    fileprivate func received(signal: Int32) {
        if signal == SIGHUP { Certificate.readAgain(plan.configuration, plan.workers, plan.log) }
        guard signal == SIGTERM || signal == SIGINT else { return }
        let order = shutdown.signalled(
            isInterrupt: signal == SIGINT, delay: plan.configuration.drainDelay,
            timeout: plan.configuration.shutdownTimeout)
        switch order {
        case .endAtOnce:
            plan.log.warning("ending at once")
            _exit(128 + signal)
        case .drain(let delay, let spread):
            plan.log.notice("shutting down", metadata: ["signal": "\(signal == SIGTERM ? "SIGTERM" : "SIGINT")"])
            plan.health.startDraining()
            plan.systemd.notify(.stopping)
            plan.workers.post(.drain(after: delay, spreadOver: spread))
        }
    }

    override func timerFired(_ tag: UInt32) {
        if tag == TimerTag.pulse { pulse() } else { lookAtShutdown() }
    }

    private func lookAtShutdown() {
        while let action = shutdown.look(progress, at: reactor.now) { run(action) }
        guard let next = shutdown.nextLook(reactor.now) else { return }
        _ = reactor.schedule(self, at: next, tag: TimerTag.shutdown)
    }

    private var progress: Shutdown.Progress {
        Shutdown.Progress(
            isWorkDone: server.connectionCount == 0 && store?.isIdle != false && relay?.isIdle != false
                && poster?.isIdle != false,
            isClosed: relay?.isClosed != false && feed?.isClosed != false && poster?.isClosed != false,
            runningCount: plan.workers.runningCount)
    }

    private func run(_ action: Shutdown.Action) {
        switch action {
        case .drain(let spread):
            server.stopListening()
            server.drain(spreadOver: spread)
            poster?.stopPosting()
            store?.stop()
        case .close:
            let deadline = reactor.now + .seconds(1)
            // The poster's place is kept by the store.
            poster?.close(deadline: deadline)
            store?.close()
            relay?.close(deadline: deadline)
            feed?.close(deadline: deadline)
        case .leave: plan.workers.workerEnded()
        case .stop: reactor.stop()
        case .cutOff:
            plan.log.warning(
                "shutdown timeout: what is left is cut off",
                metadata: [
                    "connections": "\(server.connectionCount)",
                    "unpublished_messages": "\(relay?.unconfirmedCount ?? 0)",
                ])
            store?.leave()
            reactor.stop()
        }
    }
}

private final class Inbox: MailboxReceiver<WorkerMessage> {
    private unowned let worker: Worker

    init(_ worker: Worker, _ mailbox: Mailbox<WorkerMessage>) throws(SystemError) {
        self.worker = worker
        try super.init(worker.reactor, mailbox)
    }

    override func receive(_ message: WorkerMessage) { worker.receive(message) }
}

private final class GatewaySignals: Signals {
    private unowned let worker: Worker

    init(_ worker: Worker) throws(SystemError) {
        self.worker = worker
        try super.init(worker.reactor)
    }

    override func received(_ number: Int32) { worker.received(signal: number) }
}

extension HTTPURL {
    /// The whole without user and password (userinfo ends with the last `@` before the path).
    var withoutLogin: String {
        let scheme = tls ? "https://" : "http://"
        let rest = text.dropFirst(scheme.utf8.count)
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return text }
        return scheme + rest[rest.index(after: at)...]
    }
}
