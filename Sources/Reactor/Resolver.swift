import Bytes
import Glibc

/// Why a host name has no address now.
public struct ResolveError: Error, Equatable, Sendable, CustomStringConvertible {
    public let host: String
    public let reason: String
    public var description: String { "cannot resolve \(host): \(reason)" }
}

/// getaddrinfo(3) blocks, so it runs on a thread of its own per look-up (they are rare: a connect after an outage),
/// and the answer comes by mailbox. An answer later than the deadline is dropped.
final class Resolver: MailboxReceiver<Resolver.Answer> {
    struct Answer: Sendable {
        let token: Token
        let result: Result<[SocketAddress], ResolveError>
        /// Of a thread, which has ended.
        let endsThread: Bool
    }

    private struct Pending {
        let source: Source
        let tag: UInt32
        let host: String
    }

    private let reactor: Reactor
    private let answers: Mailbox<Answer>
    private var pending = Slab<Pending>()
    private var expiries: [(deadline: Instant, token: Token)] = []
    private var threads = 0
    private let lookUp: @Sendable (String, UInt16) -> Result<[SocketAddress], ResolveError>

    init(
        _ reactor: Reactor,
        lookUp: @escaping @Sendable (String, UInt16) -> Result<[SocketAddress], ResolveError> = Resolver.lookUp
    ) throws(SystemError) {
        self.reactor = reactor
        self.lookUp = lookUp
        answers = try Mailbox()
        try super.init(reactor, answers)
    }

    func resolve(_ host: String, port: UInt16, for source: Source, tag: UInt32) {
        let token = pending.insert(Pending(source: source, tag: tag, host: host))
        if let address = SocketAddress(numeric: host, port: port) {
            answers.post(Answer(token: token, result: .success([address]), endsThread: false))
            return
        }
        guard threads < ReactorLimits.resolverThreads else {
            let failure = ResolveError(host: host, reason: "too many look-ups have no answer yet")
            answers.post(Answer(token: token, result: .failure(failure), endsThread: false))
            return
        }
        let deadline = reactor.now + ReactorLimits.resolve
        expiries.append((deadline, token))
        _ = reactor.schedule(self, at: deadline)
        let (answers, lookUp) = (answers, lookUp)
        do throws(SystemError) {
            let thread = try Thread(name: "resolver") {
                answers.post(Answer(token: token, result: lookUp(host, port), endsThread: true))
            }
            thread.detach()
            threads += 1
        } catch {
            let failure = ResolveError(host: host, reason: error.description)
            answers.post(Answer(token: token, result: .failure(failure), endsThread: false))
        }
    }

    override func receive(_ answer: Answer) {
        if answer.endsThread { threads -= 1 }
        guard let asked = pending.remove(answer.token) else { return }
        switch answer.result {
        case .success(let addresses): asked.source.resolved(addresses, error: nil, tag: asked.tag)
        case .failure(let error): asked.source.resolved([], error: error, tag: asked.tag)
        }
    }

    override func timerFired(_ tag: UInt32) {
        while let first = expiries.first, first.deadline <= reactor.now {
            expiries.removeFirst()
            guard let late = pending.remove(first.token) else { continue }
            let error = ResolveError(host: late.host, reason: "no answer within \(ReactorLimits.resolve)")
            late.source.resolved([], error: error, tag: late.tag)
        }
    }

    @Sendable private static func lookUp(_ host: String, port: UInt16) -> Result<[SocketAddress], ResolveError> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            return .failure(ResolveError(host: host, reason: String(cString: gai_strerror(code))))
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            let bytes = UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
            addresses.append(SocketAddress(bytes: Array(bytes), family: entry.pointee.ai_family))
            next = entry.pointee.ai_next
        }
        return .success(addresses)
    }
}
