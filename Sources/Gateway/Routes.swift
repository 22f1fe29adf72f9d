import Bytes
import HTTP1
import HTTPServer
import Logging
import Reactor
import Scores
import WebSocket

/// The one place where method and path become work.
final class Routes: Responder {
    /// What a worker hosts; nil where the role does not.
    struct Services {
        var uploads: ScoreUpload.Services?
        var store: ScoreStore?
        var hub: FeedHub?
        var events: FeedHub?
        var page: Page?
        var docs: Docs?
    }

    /// What describes the rest.
    struct Docs {
        let document: OpenAPIDocument
        let page: DocsPage
    }

    private enum Route {
        case scores
        case score(Int64)
        case page
        case feed
        case events
        case echo
        case openAPI
        case docs
        case health
        case readiness
        case metrics
    }

    /// Contexts of collected bodies.
    private enum Context {
        static let submit: UInt32 = 0
    }

    var services = Services()
    private let configuration: Configuration
    private let health: Health
    private let workers: Workers
    private let metrics: WorkerMetrics
    private let reactor: Reactor
    private let admission: Admission
    private let crossOrigin: CrossOrigin
    /// nil unless LOG_LEVEL is debug or trace: a line a request costs more than the request.
    private let log: Logger?

    init(
        _ reactor: Reactor, _ configuration: Configuration, admission: Admission, crossOrigin: CrossOrigin,
        health: Health, workers: Workers, metrics: WorkerMetrics, log: Logger
    ) {
        self.admission = admission
        self.crossOrigin = crossOrigin
        self.log = configuration.logLevel <= .debug ? log : nil
        self.reactor = reactor
        self.configuration = configuration
        self.health = health
        self.workers = workers
        self.metrics = metrics
    }

    /// Anybody may ask for it, and it is some work: it is made once a turn.
    private var metricsPage: (turn: Instant, bytes: [UInt8]) = (.distantPast, [])

    override func head(
        _ request: RequestParser, in bytes: Span<UInt8>, ticket: ResponseTicket, on server: HTTPServer
    ) -> HeadDecision {
        if let log { tell(request, bytes, log) }
        let method = request.head.method
        let path = bytes.extracting(request.head.path)
        if path.equals("*") {
            guard admission.admits(request, in: bytes, writes: false, ticket, on: server) else { return .answered }
            server.respond(
                ticket, .noContent, contentType: nil, fields: "Allow: GET, HEAD, POST, OPTIONS\r\n", body: Span())
            return .answered
        }
        guard let route = route(path) else {
            // (Counted as other.)
            guard admission.admits(request, in: bytes, writes: false, ticket, on: server) else { return .answered }
            server.refuse(ticket, .notFound, detail: "There is nothing at this path.")
            return .answered
        }
        var ticket = ticket.routed(label(route, method).rawValue)
        switch route {
        case .health, .readiness, .metrics: break
        case .scores, .score, .events:
            let fieldSet = crossOrigin.fieldSet(request, in: bytes)
            if fieldSet != 0 {
                ticket = ticket.adding(fieldSet: fieldSet)
                server.keep(ticket)
            }
            fallthrough
        default:
            guard admission.admits(request, in: bytes, writes: method == .post, ticket, on: server) else {
                return .answered
            }
            guard !server.isShortOfMemory else {
                server.refuse(
                    ticket, .serviceUnavailable, detail: "The gateway is short of memory; try again.",
                    fields: StoreLimits.retryAfter)
                return .answered
            }
        }
        switch (route, method) {
        case (.health, .get), (.health, .head):
            server.respond(ticket, .ok, contentType: "application/json", body: Routes.healthy)
        case (.scores, .post):
            return submission(request, bytes, ticket, server)
        case (.scores, .get), (.scores, .head):
            list(request, bytes, ticket, server)
        case (.score(let id), .get), (.score(let id), .head):
            answer(.single, ScorePage(id: id), request, bytes, ticket, server)
        case (.feed, .get):
            return feed(path, request, bytes, ticket, server)
        case (.events, .get):
            return eventStream(request, bytes, ticket, server)
        case (.events, .head):
            server.respond(
                ticket.withoutLength, .ok, contentType: nil, fields: EventStreamConnection.fields, body: Span())
        case (.echo, .get):
            return upgrade(request, bytes, ticket, server) {
                EchoConnection(deflate: $0, now: server.reactor.now)
            }
        case (.page, .get), (.page, .head):
            if let page = services.page {
                server.respond(
                    ticket, .ok, contentType: "text/html; charset=utf-8", fields: page.fields.span, body: page.html.span
                )
            }
        case (.openAPI, .get), (.openAPI, .head):
            openAPI(request, bytes, ticket, server)
        case (.docs, .get), (.docs, .head):
            if let page = services.docs?.page {
                server.respond(
                    ticket, .ok, contentType: "text/html; charset=utf-8", fields: page.fields.span, body: page.html.span
                )
            }
        case (.readiness, .get), (.readiness, .head):
            readiness(ticket, server)
        case (.metrics, .get), (.metrics, .head):
            if metricsPage.turn != reactor.now {
                var page = ByteBuffer()
                MetricsPage(workers.metrics, health, role: configuration.role).append(to: &page)
                metricsPage = (reactor.now, page.bytes.copied)
            }
            let page = metricsPage.bytes
            server.respond(
                ticket, .ok, contentType: "text/plain; version=0.0.4; charset=utf-8", body: page.span)
        case (_, .options):
            let asks = request.value(of: .accessControlRequestMethod) != nil
            let fields = asks && crossOrigin.isAllowed(ticket.fieldSet) ? preflight(route) : allow(route)
            server.respond(ticket, .noContent, contentType: nil, fields: fields, body: Span())
        default:
            server.refuse(
                ticket, .methodNotAllowed, detail: "This method is not allowed here.", fields: allow(route))
        }
        return .answered
    }

    override func body(_ bytes: Span<UInt8>, context: UInt32, ticket: ResponseTicket, on server: HTTPServer) {
        guard let uploads = services.uploads else { return }
        let ticket = ticket.routed(RouteLabel.postScores.rawValue)
        guard ScoreBatchDecoder.opening(of: bytes) != .array else {
            let upload = ScoreUpload(uploads, ticket, isLines: false, key: nil)
            // Whether it takes more does not matter: this is all there is.
            _ = upload.received(bytes, on: server)
            upload.ended(on: server)
            return
        }
        do throws(Problem) {
            let submission = try ScoreSubmission.parse(bytes)
            uploads.store.submit(submission, from: bytes, WriteTicket(response: ticket, isBatch: false, key: nil))
        } catch {
            server.refuse(ticket, error)
        }
    }

    override func appendProblem(_ status: Status, detail: StaticString, to body: inout ByteBuffer) {
        ProblemEncoder.append(
            status: Int(status.rawValue), title: "\(status.phrase)", detail: "\(detail)", to: &body)
    }

    /// A head has come.
    private func tell(_ request: RequestParser, _ bytes: Span<UInt8>, _ log: Logger) {
        log.debug(
            "request",
            metadata: [
                "method": "\(bytes.extracting(request.head.methodToken).text)",
                "target": "\(bytes.extracting(request.head.target).text)",
            ])
    }

    /// An answer is on its way.
    private func tell(_ ticket: ResponseTicket, _ status: Status, _ log: Logger) {
        let labels = (RouteLabel(rawValue: ticket.route) ?? .other).labels
        log.debug(
            "answer",
            metadata: [
                "method": "\(labels.method)", "route": "\(labels.route)", "status": "\(status.rawValue)",
                "milliseconds": "\(Double(ticket.age(reactor.now)) / 1000)",
            ])
    }

    override func admits(_ peer: IPAddress) -> Bool { admission.admits(peer, at: reactor.now) }

    override func left(_ peer: IPAddress) { admission.left(peer) }

    override func answering(_ ticket: ResponseTicket, _ status: Status) {
        if let log { tell(ticket, status, log) }
        metrics.answered(
            RouteLabel(rawValue: ticket.route) ?? .other, status.rawValue, after: ticket.age(reactor.now))
    }

    // MARK: Paths

    /// The route of a path that this role hosts, or nil.
    private func route(_ path: Span<UInt8>) -> Route? {
        if path.equals("/healthz") { return .health }
        if path.equals("/readiness") { return .readiness }
        if path.equals("/metrics") { return .metrics }
        if services.uploads != nil {
            if path.equals("/scores") { return .scores }
            if path.starts(with: "/scores/"), let id = path.extracting(droppingFirst: 8).decimalValue {
                return .score(id)
            }
        }
        if services.docs != nil {
            if path.equals("/openapi.json") { return .openAPI }
            if path.equals("/docs") { return .docs }
        }
        if services.hub != nil {
            if path.equals("/") { return .page }
            if path.starts(with: "/ws/") { return .feed }
            if path.equals("/events") { return .events }
            if configuration.wsEcho, path.equals("/ws-echo") { return .echo }
        }
        return nil
    }

    /// What a request is counted as.
    private func label(_ route: Route, _ method: Method) -> RouteLabel {
        if case .scores = route, method == .post { return .postScores }
        guard method == .get || method == .head else { return .otherMethod }
        return switch route {
        case .scores: .listScores
        case .score: .score
        case .page: .page
        case .feed: .feed
        case .events: .events
        case .echo: .echo
        case .openAPI: .openAPI
        case .docs: .docs
        case .health: .health
        case .readiness: .readiness
        case .metrics: .metrics
        }
    }

    private func allow(_ route: Route) -> StaticString {
        switch route {
        case .scores: "Allow: GET, HEAD, POST, OPTIONS\r\n"
        case .feed, .echo: "Allow: GET, OPTIONS\r\n"
        case .score, .page, .events, .openAPI, .docs, .health, .readiness, .metrics: "Allow: GET, HEAD, OPTIONS\r\n"
        }
    }

    private func preflight(_ route: Route) -> StaticString {
        if case .events = route { CrossOrigin.eventsPreflight } else { CrossOrigin.preflight }
    }

    // MARK: Health

    private static let healthyBytes = Array(#"{"Status":200}"#.utf8)
    private static var healthy: Span<UInt8> { healthyBytes.span }

    private func readiness(_ ticket: ResponseTicket, _ server: HTTPServer) {
        if let missing = health.missing {
            server.refuse(ticket, .serviceUnavailable, detail: missing, fields: StoreLimits.retryAfter)
        } else {
            server.respond(ticket, .ok, contentType: "application/json", body: Routes.healthy)
        }
    }

    // MARK: Docs

    private func openAPI(
        _ request: RequestParser, _ bytes: Span<UInt8>, _ ticket: ResponseTicket, _ server: HTTPServer
    ) {
        guard let document = services.docs?.document else { return }
        var fields = ByteBuffer(capacity: 128)
        fields.append("ETag: \"")
        fields.append(hexadecimal: document.hash)
        fields.append("\"\r\nCache-Control: no-cache\r\n")
        if let range = request.value(of: .ifNoneMatch), EntityTag.isListed(document.hash, in: bytes.extracting(range)) {
            server.respond(ticket, .notModified, contentType: nil, fields: fields.bytes, body: Span())
        } else {
            server.respond(
                ticket, .ok, contentType: "application/json", fields: fields.bytes, body: document.json.span)
        }
    }

    // MARK: Scores

    private func submission(
        _ request: RequestParser, _ bytes: Span<UInt8>, _ ticket: ResponseTicket, _ server: HTTPServer
    ) -> HeadDecision {
        guard let uploads = services.uploads else { return .answered }
        var isLines = false
        if let range = request.value(of: .contentType) {
            isLines = MediaType.isNDJSON(bytes.extracting(range))
            guard isLines || MediaType.mayBeJSON(bytes.extracting(range)) else {
                server.refuse(
                    ticket, .unsupportedMediaType,
                    detail: "A score is sent as application/json, many also as application/x-ndjson.")
                return .answered
            }
        }
        let key: KeyedRequest?
        do throws(Problem) {
            key = try idempotencyKey(request, bytes)
        } catch {
            server.refuse(ticket, error)
            return .answered
        }
        guard key != nil || isLines || !isSmall(request) else {
            return .collect(limit: configuration.maxBody, context: Context.submit)
        }
        if let key, !uploads.running.begin(key) {
            server.refuse(
                ticket, .conflict, detail: "A request with this Idempotency-Key is still running.",
                fields: StoreLimits.retryAfter)
            return .answered
        }
        return .stream(
            limit: max(configuration.maxBody, ScoreLimits.batchBytes),
            ScoreUpload(uploads, ticket, isLines: isLines, key: key))
    }

    /// Whether the body is known to fit a single score's limit: most are, and are taken whole.
    private func isSmall(_ request: RequestParser) -> Bool {
        switch request.head.framing {
        case .none: true
        case .length(let length): length <= Int64(configuration.maxBody)
        default: false
        }
    }

    private func idempotencyKey(
        _ request: RequestParser, _ bytes: Span<UInt8>
    ) throws(Problem) -> KeyedRequest? {
        guard let range = request.value(of: .idempotencyKey) else { return nil }
        guard !request.isRepeated(.idempotencyKey) else {
            throw Problem(status: 400, title: "Bad Request", detail: "Idempotency-Key: given twice")
        }
        return KeyedRequest(key: try IdempotencyKey.parse(bytes.extracting(range)))
    }

    private func list(
        _ request: RequestParser, _ bytes: Span<UInt8>, _ ticket: ResponseTicket, _ server: HTTPServer
    ) {
        var query = ScoreQuery()
        if let range = request.head.query, !range.isEmpty {
            var parser = ScoreQueryParser()
            var scratch = ByteBuffer()
            do throws(HTTPError) {
                var pairs = QueryParser(range)
                while let pair = try pairs.next(bytes, into: &scratch) {
                    parser.take(
                        name: scratch.bytes.extracting(pair.name), value: scratch.bytes.extracting(pair.value))
                }
            } catch {
                server.refuse(ticket, error.status, detail: error.reason)
                return
            }
            do throws(Problem) {
                query = try parser.finish()
            } catch {
                server.refuse(ticket, error)
                return
            }
        }
        answer(.list(query), ScorePage(query), request, bytes, ticket, server)
    }

    private func answer(
        _ shape: ScoreAnswer.Shape, _ page: ScorePage, _ request: RequestParser, _ bytes: Span<UInt8>,
        _ ticket: ResponseTicket, _ server: HTTPServer
    ) {
        guard let store = services.store else { return }
        var ifNoneMatch: [UInt8] = []
        if let range = request.value(of: .ifNoneMatch) { ifNoneMatch = bytes.extracting(range).copied }
        ScoreAnswer(shape, page: page, ifNoneMatch: ifNoneMatch, ticket: ticket, store: store, server: server).start()
    }

    // MARK: WebSocket

    private func feed(
        _ path: Span<UInt8>, _ request: RequestParser, _ bytes: Span<UInt8>, _ ticket: ResponseTicket,
        _ server: HTTPServer
    ) -> HeadDecision {
        guard FeedRequest.isClientID(path.extracting(droppingFirst: 4)) else {
            server.refuse(ticket, .forbidden, detail: "The client id is not an integer.")
            return .answered
        }
        guard let hub = services.hub else { return .answered }
        let start: FeedSubscription.Start
        do throws(Problem) {
            start = try FeedRequest.start(
                request.head.query, in: bytes, history: configuration.feedHistory)
        } catch {
            server.refuse(ticket, error)
            return .answered
        }
        return upgrade(request, bytes, ticket, server) { FeedConnection(hub, start: start, deflate: $0) }
    }

    /// `Last-Event-ID` is what a browser sends when it comes again, and wins over what the page's address says.
    private func eventStream(
        _ request: RequestParser, _ bytes: Span<UInt8>, _ ticket: ResponseTicket, _ server: HTTPServer
    ) -> HeadDecision {
        guard let hub = services.events, mayFollow(request, bytes, ticket, server) else { return .answered }
        var start: FeedSubscription.Start
        do throws(Problem) {
            start = try FeedRequest.start(request.head.query, in: bytes, history: configuration.feedHistory)
        } catch {
            server.refuse(ticket, error)
            return .answered
        }
        if let last = request.value(of: .lastEventID), let id = bytes.extracting(last).decimalValue {
            start = .after(id)
        }
        metrics.answered(.events, 200, after: 0)
        return .upgrade(FeedEvents(hub, start: start))
    }

    /// Whether it may get the feed; it is answered if not.
    private func mayFollow(
        _ request: RequestParser, _ bytes: Span<UInt8>, _ ticket: ResponseTicket, _ server: HTTPServer
    ) -> Bool {
        guard Origin.isAllowed(request, in: bytes, by: configuration.allowedOrigins) else {
            server.refuse(ticket, .forbidden, detail: "This origin may not read the feed.")
            return false
        }
        guard !server.isDraining else {
            // Whom the drain has passed already nobody would tell to go away.
            server.refuse(
                ticket, .serviceUnavailable, detail: "The gateway is shutting down.", fields: StoreLimits.retryAfter)
            return false
        }
        return true
    }

    private func upgrade(
        _ request: RequestParser, _ bytes: Span<UInt8>, _ ticket: ResponseTicket, _ server: HTTPServer,
        _ make: (PermessageDeflate?) -> WebSocketConnection
    ) -> HeadDecision {
        guard mayFollow(request, bytes, ticket, server) else { return .answered }
        switch WebSocketUpgrade.check(request, in: bytes) {
        case .acceptable(let deflate):
            metrics.answered(RouteLabel(rawValue: ticket.route) ?? .other, 101, after: 0)
            return .upgrade(make(deflate))
        case .malformed(let reason): server.refuse(ticket, .badRequest, detail: reason)
        case .upgradeRequired(let reason):
            server.refuse(ticket, .upgradeRequired, detail: reason, fields: WebSocketUpgrade.requiredFields)
        }
        return .answered
    }
}
