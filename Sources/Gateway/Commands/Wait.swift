import Bytes
import CLinux
import Glibc
import Reactor
import Synchronization

/// `score-gateway wait`: returns when the database and the broker that the role needs answer.
enum Wait {
    /// What is waited for; any one of its servers is enough.
    private enum Target: Sendable {
        case database(PostgresTarget)
        case broker(BrokerTarget)

        var name: String {
            switch self {
            case .database(let target): "database \(target)"
            case .broker(let target): "broker \(target)"
            }
        }

        func probe(deadline: Instant) throws(Probe.Failure) {
            var failure = Probe.Failure("no server")
            switch self {
            case .database(let target):
                // Where a service of libpq's is only libpq knows: serving waits for it too.
                if target.endpoints.isEmpty { return }
                let hello = Hello.postgres(
                    user: target.keyword("user") ?? "postgres", database: target.keyword("dbname"))
                for endpoint in target.endpoints {
                    do throws(Probe.Failure) {
                        return try Self.probe(endpoint, hello: hello, deadline: Self.attempt(before: deadline))
                    } catch {
                        failure = error
                    }
                }
            case .broker(let target):
                for endpoint in target.endpoints {
                    do throws(Probe.Failure) {
                        let probe = try Probe(
                            host: endpoint.host, port: endpoint.port, deadline: Self.attempt(before: deadline))
                        let answer = try probe.exchange(
                            Hello.amqp, forAtLeast: 11, host: endpoint.host, tls: endpoint.tls)
                        guard Hello.isReady(amqp: answer) else {
                            throw Probe.Failure("what answers is no AMQP 0-9-1 broker")
                        }
                        return
                    } catch {
                        failure = error
                    }
                }
            }
            throw failure
        }

        /// A server whose packets vanish must not use up the time of the others.
        private static func attempt(before deadline: Instant) -> Instant {
            min(deadline, Reactor.monotonic() + .seconds(3))
        }

        private static func probe(
            _ endpoint: PostgresTarget.Endpoint, hello: [UInt8], deadline: Instant
        ) throws(Probe.Failure) {
            let probe =
                endpoint.isUnixSocket
                ? try Probe(socketPath: endpoint.socketPath, deadline: deadline)
                : try Probe(host: endpoint.address ?? endpoint.host, port: endpoint.port, deadline: deadline)
            try probe.send(hello)
            let answer = try probe.receive(atLeast: 1)
            guard Hello.isReady(postgres: answer) else {
                throw Probe.Failure(
                    answer.first == UInt8(ascii: "E") ? "starting up" : "what answers is no PostgreSQL server")
            }
        }
    }

    /// The state of the wait, which a thread works on and the command watches.
    private final class Progress: Sendable {
        let failure = Mutex<String?>("no answer yet")
        /// An eventfd that is written when everything answered.
        let done = eventfd(0, Int32(EFD_CLOEXEC))
    }

    static func run(_ configuration: Configuration, timeout: Duration) -> Int32 {
        var targets: [Target] = []
        if let database = configuration.database, !configuration.skipsDatabaseCheck {
            targets.append(.database(database))
        }
        if let broker = configuration.broker, !configuration.skipsBrokerCheck { targets.append(.broker(broker)) }

        // On a thread of its own, because the resolver of the C library knows no deadline.
        let deadline = Reactor.monotonic() + timeout
        let progress = Progress()
        do throws(SystemError) {
            try Thread(name: "wait") { [targets] in work(targets, progress, deadline) }.detach()
        } catch {
            StandardError.write("score-gateway: \(error)\n")
            return ExitCode.software
        }
        var entry = pollfd(fd: progress.done, events: Int16(POLLIN), revents: 0)
        var count: Int32
        repeat {
            let left = max(.zero, deadline - Reactor.monotonic())
            count = poll(&entry, 1, Int32(clamping: left.wholeNanoseconds / 1_000_000 + 1))
        } while count < 0 && errno == EINTR
        let failure = progress.failure.withLock { $0 }
        guard let failure else { return ExitCode.ok }
        StandardError.write("score-gateway: \(failure); gave up after \(Quantity.text(timeout))\n")
        return ExitCode.unavailable
    }

    private static func work(_ targets: [Target], _ progress: Progress, _ deadline: Instant) {
        for target in targets {
            // Backoff starts with zero and doubles: a server that is there is seen at once.
            var backoff = Backoff(first: .milliseconds(100), limit: .seconds(1))
            while true {
                let pause = backoff.next().wholeNanoseconds
                usleep(UInt32(clamping: pause / 1000))
                guard Reactor.monotonic() < deadline else { return }
                do throws(Probe.Failure) {
                    try target.probe(deadline: deadline)
                    break
                } catch {
                    progress.failure.withLock { $0 = "\(target.name): \(error.reason)" }
                }
            }
        }
        progress.failure.withLock { $0 = nil }
        var one: UInt64 = 1
        _ = write(progress.done, &one, 8)
    }
}
