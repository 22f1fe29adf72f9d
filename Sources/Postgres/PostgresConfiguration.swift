/// Where the database is and how to talk to it. Everything libpq knows as a connection keyword is passed through.
public struct PostgresConfiguration: Sendable {
    /// libpq's keywords (`user`, `password`, `dbname`, `sslmode`, `target_session_attrs`, …) without hosts and ports.
    public var keywords: [(name: String, value: String)]

    /// Tried in turn, each with every address of its name. A host that begins with `/` or `@` is the directory (or
    /// abstract name) of a UNIX-domain socket; an empty one, or no host at all, is the socket libpq was built with.
    public var hosts: [(host: String, port: UInt16)]

    /// Numeric addresses (libpq's `hostaddr`) of `hosts`, by index; empty: names are resolved.
    public var addresses: [String] = []

    /// From starting a connect to one address until statements are prepared on it.
    public var connectTimeout: Duration = .seconds(5)

    /// The session's `statement_timeout`: the server ends what takes longer, waiting for locks included.
    public var statementTimeout: Duration = .seconds(10)

    /// Further settings of every session, such as `synchronous_commit`. Names and values are identifiers and numbers.
    public var settings: [(name: String, value: String)] = []

    /// A commit is on disk when it is answered, also where the server's or the role's `synchronous_commit` is off.
    public var isDurable = false

    /// Shown by pg_stat_activity, unless `keywords` names an `application_name`.
    public var applicationName = ""

    public init(keywords: [(name: String, value: String)], hosts: [(host: String, port: UInt16)]) {
        self.keywords = keywords
        self.hosts = hosts
    }

    // MARK: For libpq

    /// The keywords for one attempt, in libpq's order of precedence: the last one wins.
    func parameters(_ endpoint: Endpoint) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = [
            ("fallback_application_name", applicationName),
            ("keepalives_idle", String(Limits.keepaliveIdleSeconds)),
            ("keepalives_interval", String(Limits.keepaliveIntervalSeconds)),
            ("keepalives_count", String(Limits.keepaliveCount)),
            ("tcp_user_timeout", String(Limits.userTimeoutMilliseconds)),
            // Kerberos libraries do network IO of their own inside PQconnectPoll. Who needs it says so.
            ("gssencmode", "disable"),
            // Of several hosts the primary, also after a failover: on a standby everything would be refused.
            ("target_session_attrs", "read-write"),
        ]
        parameters += keywords
        if let host = endpoint.host { parameters.append(("host", host)) }
        if let address = endpoint.address { parameters.append(("hostaddr", address)) }
        if let port = endpoint.port { parameters.append(("port", String(port))) }
        // Texts are sent as they are, so both sides must mean the same by their bytes.
        parameters.append(("client_encoding", "UTF8"))
        return parameters
    }

    /// Sets what bounds a session on the server. A function call and not startup options: poolers refuse those.
    func settingsSQL(statementTimeout: Duration) -> String {
        let milliseconds = max(1, statementTimeout.wholeMilliseconds)
        let bounds = [
            (name: "statement_timeout", value: "\(milliseconds)"),
            (name: "idle_in_transaction_session_timeout", value: "\(milliseconds)"),
        ]
        var calls = (bounds + settings).map { setting in
            precondition(!(setting.name + setting.value).contains("'"), "a setting is no text")
            return "set_config('\(setting.name)', '\(setting.value)', false)"
        }
        if isDurable {
            // What is stricter than `on` (remote_apply) stays.
            let present = "current_setting('synchronous_commit')"
            let value = "CASE \(present) WHEN 'off' THEN 'on' ELSE \(present) END"
            calls.append("set_config('synchronous_commit', \(value), false)")
        }
        // Sessions wait for work as long as there is none. PostgreSQL 13 does not know the word.
        calls.append("(SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout')")
        return "SELECT " + calls.joined(separator: ", ")
    }
}

extension Duration {
    /// Rounded towards zero.
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
