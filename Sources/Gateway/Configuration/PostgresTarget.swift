/// Where PostgreSQL is and how to log in: what a connection attempt needs.
public struct PostgresTarget: Sendable, CustomStringConvertible {
    /// One server of possibly several, which are tried in turn.
    public struct Endpoint: Sendable, Equatable {
        /// A host name to resolve, a numeric address, or the directory of a unix socket (begins with `/`, or with `@`
        /// for an abstract one).
        public let host: String
        public let port: UInt16
        /// libpq's `hostaddr`: connect there and do not resolve `host`, which still names the certificate.
        public let address: String?

        init(host: String, port: UInt16?, address: String? = nil) {
            // libpq's own default is a directory compiled into it; this is the one of Debian's packages.
            self.host = host.isEmpty ? address ?? "/var/run/postgresql" : host
            self.port = port ?? 5432
            self.address = address
        }

        public var isUnixSocket: Bool {
            address == nil && (host.hasPrefix("/") || host.hasPrefix("@"))
        }

        /// The path of the unix socket (PostgreSQL documentation, `unix_socket_directories`).
        public var socketPath: String {
            "\(host)/.s.PGSQL.\(port)"
        }
    }

    public let endpoints: [Endpoint]
    /// What else goes to `PQconnectStartParams`: user, password, dbname and the options of the URL. Never `host`,
    /// `hostaddr` and `port`, which come from the endpoint. Call it with `expand_dbname` 0: a database name is a name.
    public let keywords: [(String, String)]
    /// As a URL without the password: fit for a log.
    public let display: String

    public var hosts: [String] { endpoints.map(\.host) }
    public var ports: [UInt16] { endpoints.map(\.port) }
    public var description: String { display }

    /// The value of a keyword, or nil.
    public func keyword(_ name: String) -> String? {
        keywords.first { $0.0 == name }?.1
    }

    init(
        endpoints: [Endpoint], user: String?, password: String?, database: String?, options: [(String, String)] = []
    ) {
        self.endpoints = endpoints
        var keywords: [(String, String)] = []
        if let user { keywords.append(("user", user)) }
        if let password { keywords.append(("password", password)) }
        if let database { keywords.append(("dbname", database)) }
        self.keywords = keywords + options

        let hosts = endpoints.map { endpoint in
            let host = HostPort(host: endpoint.host, port: endpoint.port).text
            return endpoint.address.map { $0 == endpoint.host ? host : "\(host)(\($0))" } ?? host
        }
        let login = user.map { $0 + (password == nil ? "" : ":***") + "@" } ?? (password == nil ? "" : ":***@")
        let query = options.map { name, value in "\(name)=\(Self.secretKeywords.contains(name) ? "***" : value)" }
        display =
            "postgresql://\(login)\(hosts.joined(separator: ","))/\(database ?? "")"
            + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// Everything libpq 15 to 18 takes. One that the installed libpq is too old for fails when connecting, with
    /// libpq's own words; a misspelt one should fail at start.
    static let knownKeywords: Set<String> = [
        "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname",
        "fallback_application_name",
        "gssdelegation", "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count",
        "keepalives_idle",
        "keepalives_interval", "krbsrvname", "load_balance_hosts", "max_protocol_version", "min_protocol_version",
        "oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope", "options", "passfile", "password",
        "port",
        "replication", "require_auth", "requirepeer", "requiressl", "scram_client_key", "scram_server_key", "service",
        "servicefile", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode",
        "sslcompression",
        "sslcrl", "sslcrldir", "sslkey", "sslkeylogfile", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert",
        "sslsni", "target_session_attrs", "tcp_user_timeout", "user",
    ]

    private static let secretKeywords: Set<String> = [
        "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key",
    ]
}
