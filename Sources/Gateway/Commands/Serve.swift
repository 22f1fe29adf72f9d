import Bytes
import CLinux
import Glibc
import HTTPClient
import Logging
import Postgres
import Reactor
import Synchronization
import TLS

extension Command {
    /// Serves until a signal ends it. The log runs and the signals are blocked when this is called.
    /// - Returns: the exit code.
    static func serve(_ configuration: Configuration, _ source: ConfigurationSource) -> Int32 {
        let log = Logger(label: "score-gateway")
        do throws(StartError) {
            tell(configuration, source, log)
            try run(configuration, log)
            log.notice("ended")
            return ExitCode.ok
        } catch {
            log.critical("cannot start: \(error)")
            return ExitCode.unavailable
        }
    }

    /// One line with what this process is going to be: what it uses, and whatever somebody has set.
    private static func tell(_ configuration: Configuration, _ source: ConfigurationSource, _ log: Logger) {
        var settings: Logger.Metadata = [
            "version": "\(Version.text)", "role": "\(configuration.role.rawValue)",
            "reactors": "\(configuration.reactors)", "open_files": "\(clinux_raise_open_files())",
            "database":
                "\(configuration.database?.display ?? configuration.sqliteFile.map { "sqlite:\($0)" } ?? "none")",
            "broker": "\(configuration.broker?.description ?? "in the process")",
        ]
        let told: [Variable] = [.role, .reactors, .databaseURL, .brokerURL]
        if let listing = try? ConfigurationListing(source) {
            for (name, value) in listing.stated where !told.contains(where: { $0.name == name }) {
                settings[name] = "\(value)"
            }
        }
        log.notice("starting", metadata: settings)
        for (name, meant) in source.mistypedNames {
            log.warning(".env: \(name) is no variable of this program and has no effect; is \(meant) meant?")
        }
        if case .list(let origins) = configuration.allowedOrigins, let own = configuration.reporterURL?.origin,
            !origins.contains(own)
        {
            log.warning("ALLOWED_ORIGINS lacks \(own) (REPORTER_URL): the live page there may not open the feed")
        }
    }

    private static func run(_ configuration: Configuration, _ log: Logger) throws(StartError) {
        let systemd = Systemd.ofThisProcess
        let address = try listeningAddress(configuration, systemd)
        let workers = try systemCall { () throws(SystemError) in try Workers(count: configuration.reactors) }
        do throws(HTTPClientError) { try HTTPClient.prepare() } catch { throw StartError("\(error)") }
        let health = Health(
            databaseConnections: configuration.role.hostsScores ? 2 * configuration.reactors : 0, needsBroker: true,
            needsHistory: configuration.role.hostsReporter)

        let threads = Threads()
        let storeThreads = Threads()
        let tls = try problem { () throws(ConfigurationError.Problem) in try configuration.serverTLS() }
        let bus = try makeBus(configuration)
        let sqlite = try makeSQLite(configuration, storeThreads, log)
        let admission = Admission(configuration)
        let start = StartGate(count: configuration.reactors)
        for index in 0..<configuration.reactors {
            let plan = Worker.Plan(
                index: index, configuration: configuration, address: address, workers: workers, bus: bus,
                sqlite: sqlite, health: health, admission: admission, systemd: systemd, tls: tls,
                log: log)
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
        let url = "\(tls == nil ? "http" : "https")://\(address)"
        var metadata: Logger.Metadata = ["address": "\(url)"]
        if let tls { metadata.merge(Certificate.lifetime(of: tls)) { $1 } }
        log.notice("listening", metadata: metadata)
        systemd.notify(.ready(status: "role \(configuration.role.rawValue), \(url)"))
        if configuration.role.hostsScores { try prepareSchema(configuration, workers, log) }
        threads.join()
        // They end when the workers have; but the disk may stand still, and nobody hears signals any more.
        if !storeThreads.join(within: SQLiteLimits.end) {
            log.warning("SQLite does not come to an end: the file is left to whoever opens it next")
        }
    }

    private static func listeningAddress(
        _ configuration: Configuration, _ systemd: Systemd
    ) throws(StartError) -> SocketAddress {
        guard let socket = systemd.sockets.first else { return try freeAddress(configuration) }
        let address = SocketAddress(localOf: socket)
        guard address.port != 0 else {
            throw StartError("the socket handed over by the service manager is no TCP socket (ListenStream=)")
        }
        return address
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

    private static func makeBus(_ configuration: Configuration) throws(StartError) -> Bus {
        let tls = try problem { () throws(ConfigurationError.Problem) in try configuration.brokerTLS() }
        if let broker = configuration.amqp(tls) { return .broker(broker) }
        return .local(try systemCall { () throws(SystemError) in try LocalExchange() })
    }

    /// The SQLite store and its threads, if that is the store. What is wrong with the file ends the start: nobody but the
    /// operator can mend it.
    private static func makeSQLite(
        _ configuration: Configuration, _ threads: Threads, _ log: Logger
    ) throws(StartError) -> SQLiteServices? {
        guard let file = configuration.sqliteFile else { return nil }
        let services = try systemCall { () throws(SystemError) in
            try SQLiteServices(
                file: file, workers: configuration.reactors, hasQueue: configuration.hasLocalQueue)
        }
        try services.start(migrates: configuration.autoMigrate, threads, log)
        return services
    }

    /// Makes the database ready on a thread of its own, so that a gateway which starts before it lives and answers.
    private static func prepareSchema(_ configuration: Configuration, _ workers: Workers, _ log: Logger)
        throws(StartError)
    {
        let (migrates, hasQueue) = (configuration.autoMigrate, configuration.hasLocalQueue)
        guard migrates || hasQueue, let database = configuration.postgres else {
            workers.post(.schemaIsReady)
            return
        }
        try systemCall { () throws(SystemError) in
            try Thread(name: "migrate") {
                if migrates { SchemaKeeper.prepare(database, log) }
                if hasQueue { SchemaKeeper.placeQueue(database, log) }
                workers.post(.schemaIsReady)
            }.detach()
        }
    }

    /// The files were looked at when the configuration was read; they may have changed since.
    private static func problem<R>(_ body: () throws(ConfigurationError.Problem) -> R) throws(StartError) -> R {
        do throws(ConfigurationError.Problem) { return try body() } catch { throw StartError("\(error)") }
    }

    private static func systemCall<R>(_ body: () throws(SystemError) -> R) throws(StartError) -> R {
        do throws(SystemError) { return try body() } catch { throw StartError("\(error)") }
    }
}
