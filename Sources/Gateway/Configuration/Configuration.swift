import Logging

/// Everything that can be set, checked and typed. Made once at start, and never changed.
public struct Configuration: Sendable {
    /// What the configuration is read for: it decides what must be there.
    public enum Purpose: Sendable {
        case serve
        case migrate
        /// Wait for the database and the broker of the role.
        case wait
        /// Show what is there.
        case show
    }

    /// How the poster gets at Slack.
    public struct Slack: Sendable {
        public let token: String
        public let channel: String
        public let api: HTTPURL
    }

    public enum QueueType: String, Sendable {
        case classic, quorum
    }

    public let role: Role

    /// A numeric address.
    public let host: String
    /// 0: the kernel chooses.
    public let port: UInt16
    public let reactors: Int
    /// Bytes.
    public let maxBody: Int
    /// Of the whole process.
    public let maxConnections: Int
    public let requestTimeout: Duration
    public let idleTimeout: Duration
    public let drainDelay: Duration
    /// Includes the drain delay.
    public let shutdownTimeout: Duration
    /// Both or none.
    public let tlsCertFile: String?
    public let tlsKeyFile: String?

    /// nil in the roles that have no database, and when it is SQLite.
    public let database: PostgresTarget?
    public let scoresFile: String
    /// The SQLite file that is the store; nil when it is PostgreSQL, or there is none.
    public let sqliteFile: String?
    public let autoMigrate: Bool

    /// nil: the bus is in the process.
    public let broker: BrokerTarget?
    public let brokerExchange: String
    public let brokerExchangeDurable: Bool
    public let brokerMaxBatch: Int
    public let brokerQueueType: QueueType
    public let brokerCAFile: String?
    public let posterQueue: String
    /// Who publishes declares the poster's queue first: there is a poster in this process, or somebody has named its queue to
    /// the scores role. (Without a poster the queue would only grow.)
    public let publishesToPoster: Bool

    /// Where the reporter role asks for scores.
    public let scoresAPI: HTTPURL?
    public let reporterURL: HTTPURL?
    public let feedHistory: Int
    /// Per reactor.
    public let feedLogBytes: Int
    public let allowedOrigins: AllowedOrigins
    public let wsEcho: Bool

    /// nil: nobody needs one.
    public let apiTokens: APITokens?
    /// nil: as often as they like.
    public let rateLimit: Rate?
    public let trustedProxies: Networks
    /// nil: no limit of its own.
    public let maxConnectionsPerAddress: Int?

    /// nil: the poster is off (only in the role `all`).
    public let slack: Slack?

    public let logLevel: Logger.Level
    public let logFormat: LogFormat

    /// For `wait` alone.
    public let skipsDatabaseCheck: Bool
    public let skipsBrokerCheck: Bool

    /// - Throws: everything that is wrong.
    public init(_ source: ConfigurationSource, for purpose: Purpose = .serve) throws(ConfigurationError) {
        var reader = ConfigurationReader(source, role: try Self.role(source), purpose: purpose)
        self = Self(&reader)
        reader.checkNeeds(of: self)
        reader.checkTLS(of: self)
        guard reader.problems.isEmpty else { throw ConfigurationError(reader.problems) }
    }

    /// Reads every variable; what is wrong is in the reader afterwards.
    init(_ reader: inout ConfigurationReader) {
        role = reader.role
        // Was read before the others, to know what they are; named here so that all variables are.
        _ = reader.choice(.role)

        host = reader.address(.host)
        port = UInt16(reader.integer(.port))
        reactors = reader.integer(.reactors)
        maxBody = reader.bytes(.maxBody)
        maxConnections = reader.integer(.maxConnections)
        maxConnectionsPerAddress = reader.optionalInteger(.maxConnectionsPerAddress)
        requestTimeout = reader.duration(.requestTimeout)
        idleTimeout = reader.duration(.idleTimeout)
        drainDelay = reader.duration(.drainDelay)
        shutdownTimeout = reader.duration(.shutdownTimeout)
        tlsCertFile = reader.string(.tlsCertFile)
        tlsKeyFile = reader.string(.tlsKeyFile)

        database = reader.database()
        scoresFile = reader.string(.scoresFile) ?? ""
        sqliteFile = reader.sqliteFile(default: scoresFile)
        autoMigrate = reader.flag(.autoMigrate)

        broker = reader.broker()
        brokerExchange = reader.string(.brokerExchange) ?? ""
        brokerExchangeDurable = reader.flag(.brokerExchangeDurable)
        brokerMaxBatch = reader.integer(.brokerMaxBatch)
        brokerQueueType = QueueType(rawValue: reader.choice(.brokerQueueType)) ?? .classic
        brokerCAFile = reader.string(.brokerCAFile)
        posterQueue = reader.string(.posterQueue) ?? ""
        let namesPosterQueue = reader.statedText(.posterQueue) != nil

        scoresAPI = reader.httpURL(.scoresAPI)
        reporterURL = reader.httpURL(.reporterURL)
        feedHistory = reader.integer(.feedHistory)
        feedLogBytes = reader.bytes(.feedLogBytes)
        allowedOrigins = reader.origins(.allowedOrigins)
        wsEcho = reader.flag(.wsEcho)

        apiTokens = reader.tokens(.apiTokens)
        rateLimit = reader.rate(.rateLimit)
        trustedProxies = reader.networks(.trustedProxies)

        let token = reader.string(.slackAPIToken)
        let channel = reader.string(.slackChannel)
        let api = reader.httpURL(.slackAPIURL)
        if let token, let channel, let api {
            slack = Slack(token: token, channel: channel, api: api)
        } else {
            slack = nil
        }
        publishesToPoster = role.hostsPoster ? slack != nil : namesPosterQueue

        logLevel = Logger.Level(rawValue: reader.choice(.logLevel)) ?? .info
        logFormat = LogFormat(rawValue: reader.choice(.logFormat)) ?? .text

        skipsDatabaseCheck = reader.flag(.skipDatabaseCheck)
        skipsBrokerCheck = reader.flag(.skipBrokerCheck)
    }

    /// An unknown role is an error of usage: the program was told to be something it is not.
    static func role(_ source: ConfigurationSource) throws(ConfigurationError) -> Role {
        do throws(ConfigurationError.Problem) {
            let text = try source.value(of: .role).text ?? ""
            guard let role = Role(rawValue: text.lowercased()) else {
                throw ConfigurationError.Problem(
                    Variable.role.name, value: text, "expected " + Variable.role.specification.kind.expectation)
            }
            return role
        } catch {
            throw ConfigurationError([error], exitCode: ExitCode.usage)
        }
    }

    /// HOST and PORT alone, and whether it speaks TLS, for those who only want to talk to the server: nothing else can be
    /// wrong for them.
    static func listeningAddress(_ source: ConfigurationSource) throws(ConfigurationError) -> (
        host: String, port: UInt16, tls: Bool
    ) {
        var reader = ConfigurationReader(source, role: .all, purpose: .show)
        let host = reader.address(.host)
        let port = UInt16(reader.integer(.port))
        let tls = reader.string(.tlsCertFile) != nil
        guard reader.problems.isEmpty else { throw ConfigurationError(reader.problems) }
        return (host, port, tls)
    }
}
