import Bytes
import HTTP1
import Reactor

/// One keep-alive connection of the load: sends requests up to its depth, and takes their answers in order.
final class RequestConnection: StreamHandler {
    /// A request that has no answer yet.
    private struct Pending {
        /// When it was due, and when it was written, in nanoseconds.
        let due: Int64
        let sent: Int64
        /// Its scores.
        let first: UInt32
    }

    private unowned let load: RequestLoad
    private var stream: TCPStream?
    private var parser: ResponseParser
    private var pending: [Pending] = []
    private var head = 0
    private var contentBytes = 0
    private var isUp = false
    /// When it began to connect; nil when it is up, or rests.
    private(set) var connectingSince: Int64?
    /// The answer under way says that no other follows on this connection.
    private var isLast = false
    private var hasAnswered = false
    /// The server ended it between answers, as it may.
    private var isOrderly = false
    /// Which of the service's addresses it connects to.
    var attempt = AddressList.Attempt()
    /// Why this side ends the connection, or that the server did: the one word said of it.
    private var trouble: String?
    /// Whether the load has it in its list of connections with room.
    var isListed = false

    init(_ load: RequestLoad) {
        self.load = load
        parser = ResponseParser(requestMethod: load.method)
    }

    var inFlight: Int { pending.count - head }
    var hasRoom: Bool { isUp && !isLast && inFlight < load.pipelining }
    /// When the oldest request was written; nil when none is on its way.
    var oldest: Int64? { inFlight > 0 ? pending[head].sent : nil }

    func connect(to address: SocketAddress, _ reactor: Reactor) {
        connectingSince = Reactor.monotonic().nanoseconds
        do throws(SystemError) {
            stream = try TCPStream.connect(
                reactor, to: address, deadline: reactor.now + BenchLimits.connect, handler: self)
            load.target.secure(stream)
        } catch {
            connectingSince = nil
            load.failed(self, why: error.description)
        }
    }

    /// Writes one request, which leaves before the reactor sleeps.
    func send(due: Int64, now: Int64) {
        guard let stream else { return }
        if head > 64, head * 2 > pending.count {
            pending.removeFirst(head)
            head = 0
        }
        pending.append(Pending(due: due, sent: now, first: load.append(due: due, to: &stream.output)))
        stream.scheduleFlush()
    }

    /// Ends the connection. The first word is the cause; what follows from it is not said.
    func end(_ why: String) {
        trouble = trouble ?? why
        stream?.close()
    }

    override func connected() {
        if load.target.tls == nil { comeUp() }
    }

    override func secured() {
        comeUp()
    }

    private func comeUp() {
        isUp = true
        connectingSince = nil
        load.connected(self)
    }

    override func received(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        // After the last answer there may be another stream already, to which these bytes do not belong.
        let own = stream
        do throws(HTTPError) {
            while let own, own === stream {
                let event = try parser.next(bytes.extracting(offset..<bytes.count))
                switch event {
                case .needMore(let consumed): return offset + consumed
                case .interim(let consumed): offset += consumed
                case .head(let consumed):
                    isLast = !parser.head.keepAlive
                    offset += consumed
                case .body(let range, let consumed):
                    contentBytes += range.count
                    offset += consumed
                case .end(let consumed):
                    offset += consumed
                    guard inFlight > 0 else { throw .malformedStatusLine }
                    answered()
                }
            }
        } catch {
            end("an answer that is no HTTP/1.1: \(error)")
        }
        return bytes.count
    }

    private func answered() {
        let request = pending[head]
        head += 1
        if head == pending.count {
            pending.removeAll(keepingCapacity: true)
            head = 0
        }
        let status = parser.head.status
        hasAnswered = true
        load.answered(self, status: status, due: request.due, first: request.first, contentBytes: contentBytes)
        contentBytes = 0
        if isLast { endByServer(isOrderly: true) }
    }

    private func endByServer(isOrderly: Bool) {
        self.isOrderly = isOrderly
        end("closed by the server")
    }

    override func receivedEnd() {
        // Content without a length ends with its connection.
        if inFlight > 0, let event = try? parser.finish(), case .end = event {
            answered()
        } else {
            // One that never answers would be asked again and again without a rest.
            endByServer(isOrderly: hasAnswered && inFlight == 0)
        }
    }

    override func closed(_ reason: StreamEnd) {
        let wasUp = isUp
        let requests = inFlight
        let why = trouble ?? "\(reason)"
        let wasOrderly = isOrderly
        isUp = false
        connectingSince = nil
        isLast = false
        hasAnswered = false
        isOrderly = false
        trouble = nil
        stream = nil
        for request in pending[head...] { load.unanswered(due: request.due, first: request.first) }
        pending.removeAll(keepingCapacity: true)
        head = 0
        contentBytes = 0
        parser = ResponseParser(requestMethod: load.method)
        if wasUp {
            load.lost(self, requests: requests, isOrderly: wasOrderly, why: why)
        } else {
            load.failed(self, why: why)
        }
    }
}
