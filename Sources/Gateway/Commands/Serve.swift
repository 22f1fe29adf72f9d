import Bytes
import CLinux
import Glibc
import HTTPClient
import Logging
import Postgres
import Reactor
import Synchronization

/// Why the gateway cannot start.
struct StartError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    init(_ error: SystemError, address: SocketAddress) {
        switch error.code {
        case EADDRINUSE:
            description = "port \(address.port) is in use: another process listens on \(address) (choose another PORT)"
        case EACCES:
            description = "not allowed to listen on \(address): ports below 1024 need a privilege (choose another PORT)"
        case EADDRNOTAVAIL: description = "\(address.host) is no address of this machine (HOST)"
        default: description = "\(error)"
        }
    }
}

extension Command {
    /// Serves until a signal ends it. The log runs and the signals are blocked when this is called.
    /// - Returns: the exit code.
    static func serve(_ configuration: Configuration) -> Int32 {
        let log = Logger(label: "score-gateway")
        do throws(StartError) {
            try run(configuration, log)
            log.notice("ended")
            return ExitCode.ok
        } catch {
            log.critical("cannot start: \(error)")
            return ExitCode.unavailable
        }
    }

    private static func run(_ configuration: Configuration, _ log: Logger) throws(StartError) {
        let address = try freeAddress(configuration)
        let workers = try systemCall { () throws(SystemError) in try Workers(count: configuration.reactors) }
        do throws(HTTPClientError) { try HTTPClient.prepare() } catch { throw StartError("\(error)") }
        let files = clinux_raise_open_files()
        let health = Health(
            databaseConnections: configuration.role.hostsScores ? 2 * configuration.reactors : 0, needsBroker: true,
            needsHistory: configuration.role.hostsReporter)
        log.notice(
            "starting",
            metadata: [
                "version": "\(Version.text)", "role": "\(configuration.role.rawValue)",
                "reactors": "\(configuration.reactors)", "open files": "\(files)",
                "database": "\(configuration.database?.display ?? "none")",
                "broker": "\(configuration.broker?.description ?? "none")",
            ])

        let start = Start(count: configuration.reactors)
        let threads = Threads()
        for index in 0..<configuration.reactors {
            let plan = Worker.Plan(
                index: index, configuration: configuration, address: address, workers: workers, health: health, log: log
            )
            try systemCall { () throws(SystemError) in
                threads.add(
                    try Thread(name: "worker-\(index)") {
                        do throws(StartError) {
                            let worker = try Worker(plan)
                            start.succeeded()
                            worker.run()
                        } catch {
                            start.failed(error)
                        }
                    })
            }
        }
        if let error = start.wait() { throw error }
        log.notice("listening", metadata: ["address": "http://\(address)"])
        if configuration.role.hostsScores { try prepareSchema(configuration, workers, log) }
        threads.join()
    }

    /// The address to listen on, after a look whether it is free: with SO_REUSEPORT a second gateway started by mistake
    /// would get a share of the connections in silence.
    private static func freeAddress(_ configuration: Configuration) throws(StartError) -> SocketAddress {
        guard let address = SocketAddress(numeric: configuration.host, port: configuration.port) else {
            throw StartError("\(configuration.host) is not a numeric address (HOST)")
        }
        do throws(SystemError) {
            return try TCPListener.free(address)
        } catch {
            throw StartError(error, address: address)
        }
    }

    /// Migrates on a thread of its own, so that a gateway which starts before its database lives and answers.
    private static func prepareSchema(_ configuration: Configuration, _ workers: Workers, _ log: Logger)
        throws(StartError)
    {
        guard configuration.autoMigrate, let database = configuration.postgres else {
            workers.post(.schemaIsReady)
            return
        }
        try systemCall { () throws(SystemError) in
            try Thread(name: "migrate") {
                SchemaKeeper.prepare(database, log)
                workers.post(.schemaIsReady)
            }.detach()
        }
    }

    private static func systemCall<R>(_ body: () throws(SystemError) -> R) throws(StartError) -> R {
        do throws(SystemError) { return try body() } catch { throw StartError("\(error)") }
    }
}

/// Whether all workers have started.
private final class Start: Sendable {
    private struct State {
        var waiting: Int
        var error: StartError?
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(waiting: count))
    }

    func succeeded() {
        state.withLock { $0.waiting -= 1 }
    }

    func failed(_ error: StartError) {
        state.withLock { $0.error = error }
    }

    /// Waits until all have, or one has not. Starting is a matter of milliseconds, so looking again each one is enough.
    func wait() -> StartError? {
        while true {
            let (waiting, error) = state.withLock { ($0.waiting, $0.error) }
            if waiting == 0 || error != nil { return error }
            usleep(1000)
        }
    }
}

/// Threads to join at the end.
private final class Threads {
    private var joins: [() -> Void] = []

    func add(_ thread: consuming Thread) {
        let box = Box(thread)
        joins.append { box.join() }
    }

    func join() {
        for join in joins { join() }
    }

    private final class Box {
        private var thread: Thread?
        init(_ thread: consuming Thread) { self.thread = consume thread }
        func join() { thread.take()?.join() }
    }
}
