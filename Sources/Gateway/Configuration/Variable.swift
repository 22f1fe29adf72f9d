/// Every environment variable the program reads, in the order in which `--help` and `config` show them.
///
/// This enum and its `specification` are the only list: the defaults, limits and texts that the parser, `--help`,
/// `config` and the README use all come from there, and the compiler asks for the specification of a new case.
public enum Variable: String, Sendable, CaseIterable {
    case role = "ROLE"
    case host = "HOST"
    case port = "PORT"
    case reactors = "REACTORS"
    case maxBody = "MAX_BODY"
    case maxConnections = "MAX_CONNECTIONS"
    case maxConnectionsPerAddress = "MAX_CONNECTIONS_PER_ADDRESS"
    case requestTimeout = "REQUEST_TIMEOUT"
    case idleTimeout = "IDLE_TIMEOUT"
    case drainDelay = "DRAIN_DELAY"
    case shutdownTimeout = "SHUTDOWN_TIMEOUT"
    case tlsCertFile = "TLS_CERT_FILE"
    case tlsKeyFile = "TLS_KEY_FILE"

    case databaseURL = "DATABASE_URL"
    case databaseHost = "DATABASE_HOST"
    case databasePort = "DATABASE_PORT"
    case databaseName = "DATABASE_DB"
    case databaseUsername = "DATABASE_USERNAME"
    case databasePassword = "DATABASE_PASSWORD"
    case scoresFile = "SCORES_FILE"
    case autoMigrate = "AUTO_MIGRATE"

    case brokerURL = "BROKER_URL"
    case brokerHost = "BROKER_HOST"
    case brokerPort = "BROKER_PORT"
    case brokerUsername = "BROKER_USERNAME"
    case brokerPassword = "BROKER_PASSWORD"
    case brokerExchange = "BROKER_EXCHANGE"
    case brokerExchangeDurable = "BROKER_EXCHANGE_DURABLE"
    case brokerMaxBatch = "BROKER_MAX_BATCH"
    case brokerQueueType = "BROKER_QUEUE_TYPE"
    case brokerCAFile = "BROKER_CA_FILE"
    case posterQueue = "POSTER_QUEUE"

    case scoresAPI = "SCORES_API"
    case reporterURL = "REPORTER_URL"
    case feedHistory = "FEED_HISTORY"
    case feedLogBytes = "FEED_LOG_BYTES"
    case wsEcho = "WS_ECHO"

    case apiTokens = "API_TOKENS"
    case rateLimit = "RATE_LIMIT"
    case trustedProxies = "TRUSTED_PROXIES"
    case allowedOrigins = "ALLOWED_ORIGINS"

    case slackAPIToken = "SLACK_API_TOKEN"
    case slackChannel = "SLACK_CHANNEL"
    case slackAPIURL = "SLACK_API_URL"

    case logLevel = "LOG_LEVEL"
    case logFormat = "LOG_FORMAT"

    case skipDatabaseCheck = "SKIP_DATABASE_CHECK"
    case skipBrokerCheck = "SKIP_BROKER_CHECK"

    public var name: String { rawValue }

    /// What is known of a variable besides its name.
    public struct Specification: Sendable {
        public var group: Group
        public var kind: Kind
        /// What holds when the variable is not set, written as in the environment; empty: nothing.
        public var defaultText: String
        public var help: String
        public var secrecy: Secrecy
        /// The roles that read it; in the others it may be set to anything and is not looked at.
        public var roles: [Role]
        /// Whether `NAME_FILE` may name a file that holds the value.
        public var mayBeInFile: Bool

        init(
            _ group: Group, _ kind: Kind, default defaultText: String = "", roles: [Role] = Role.allCases,
            secrecy: Secrecy = .open, mayBeInFile: Bool = false, _ help: String
        ) {
            self.group = group
            self.kind = kind
            self.defaultText = defaultText
            self.help = help
            self.secrecy = secrecy
            self.roles = roles
            self.mayBeInFile = mayBeInFile
        }
    }

    /// The headings of `--help`.
    public enum Group: String, Sendable, CaseIterable {
        case server = "Server"
        case database = "PostgreSQL"
        case broker = "RabbitMQ"
        case feed = "Live feed"
        case access = "Access"
        case slack = "Slack"
        case log = "Log"
        case wait = "score-gateway wait"
    }

    /// What may be shown of a value.
    public enum Secrecy: Sendable {
        case open
        /// A URL: everything but the password.
        case password
        /// Nothing.
        case secret
    }

    /// The type of a value, with its limits.
    public enum Kind: Sendable {
        case choice([String])
        case flag
        case integer(ClosedRange<Int>)
        case bytes(ClosedRange<Int>)
        case duration(ClosedRange<Duration>)
        case address
        case hosts
        case verbatim
        case text
        case amqpName
        case token
        case path
        case origins
        case tokens
        case networks
        case rate
        case databaseURL
        case brokerURL
        case httpURL

        var isHTTPURL: Bool {
            if case .httpURL = self { true } else { false }
        }

        /// What a value is expected to be, in words that follow "expected".
        public var expectation: String {
            switch self {
            case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
            case .flag: "1 or 0 (or true, false, yes, no, on, off)"
            case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
            case .bytes(let range):
                "a number of bytes from \(Quantity.text(bytes: range.lowerBound)) "
                    + "to \(Quantity.text(bytes: range.upperBound)), such as 65536, 64KiB or 1MiB"
            case .duration(let range):
                "a time from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound)), "
                    + "such as 15, 1.5, 500ms, 15s or 2m"
            case .address: "a numeric IPv4 or IPv6 address, such as 0.0.0.0, 127.0.0.1 or ::"
            case .hosts: "the name or address of a host, or several with commas"
            case .verbatim: "text, taken as it is"
            case .text: "text without control characters"
            case .amqpName: "1 to \(ConfigurationLimits.amqpNameBytes) bytes of text without control characters"
            case .token: "printable ASCII without blanks"
            case .path: "the path of a file"
            case .origins: "* or a comma-separated list of origins such as https://scores.example.com"
            case .tokens:
                "tokens of \(APITokens.shortest) to \(APITokens.longest) letters, digits and -._~+/= each, separated by "
                    + "commas, blanks or lines, at most \(APITokens.most)"
            case .networks: "addresses and networks, separated by commas, such as 10.0.0.0/8 or 2001:db8::1"
            case .rate: "requests in a second, minute or hour, such as 50/s, 600/m or 10000/h"
            case .databaseURL: "postgresql://user:password@host:5432/database"
            case .brokerURL: "amqp://user:password@host:5672/vhost"
            case .httpURL: "http://host or https://host, with port and path if needed"
            }
        }
    }
}
