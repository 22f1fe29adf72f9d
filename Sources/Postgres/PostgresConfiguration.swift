import CPostgres

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

    /// Shown by pg_stat_activity, unless `keywords` names an `application_name`.
    public var applicationName = ""

    public init(keywords: [(name: String, value: String)], hosts: [(host: String, port: UInt16)]) {
        self.keywords = keywords
        self.hosts = hosts
    }

    /// Takes a libpq URI apart: `postgresql://` or `postgres://`, also with a driver as SQLAlchemy writes it
    /// (`postgresql+psycopg2://`). Where it names no host or port, the environment (`PGHOST`, `PGPORT`) does.
    /// - Throws: `PostgresError` that says what is wrong with the URI without repeating a secret.
    public init(uri: String) throws(PostgresError) {
        guard let plain = PostgresConfiguration.withoutDriver(uri) else {
            throw .connection("not a PostgreSQL URI: expected postgresql://user:password@host:port/database")
        }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(plain, &message) else {
            defer { PQfreemem(message) }
            throw .connection(PostgresConfiguration.withoutValues(PostgresError.oneLine(message)))
        }
        defer { PQconninfoFree(options) }
        var lists = PostgresConfiguration.environmentLists()
        keywords = []
        var option = options
        while let name = option.pointee.keyword {
            if let value = option.pointee.val {
                let (name, value) = (String(cString: name), String(cString: value))
                switch name {
                case "host": lists.hosts = value
                case "hostaddr": lists.addresses = value
                case "port": lists.ports = value
                default: keywords.append((name, value))
                }
            }
            option += 1
        }
        (hosts, addresses) = try PostgresConfiguration.zip(lists)
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
        return """
            SELECT set_config('statement_timeout', '\(milliseconds)', false), \
            set_config('idle_in_transaction_session_timeout', '\(milliseconds)', false)
            """
    }

    // MARK: The URI's parts

    private struct Lists {
        var hosts = ""
        var addresses = ""
        var ports = ""
    }

    private static func withoutDriver(_ uri: String) -> String? {
        for scheme in ["postgresql", "postgres"] where uri.hasPrefix(scheme) {
            let rest = uri.dropFirst(scheme.count)
            if rest.hasPrefix("://") { return uri }
            if rest.hasPrefix("+"), let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix("://") {
                return "postgresql" + rest[colon...]
            }
        }
        return nil
    }

    /// libpq quotes the part it does not understand, which may be a password. The name of a parameter is none.
    private static func withoutValues(_ message: String) -> String {
        if message.hasPrefix("invalid URI query parameter") { return message }
        var shown = ""
        for character in message {
            if character == "\"", shown.hasSuffix(": ") { break }
            shown.append(character)
        }
        return shown.hasSuffix(": ") ? String(shown.dropLast(2)) : shown
    }

    private static func environmentLists() -> Lists {
        var lists = Lists()
        guard let options = PQconndefaults() else { return lists }
        defer { PQconninfoFree(options) }
        var option = options
        while let name = option.pointee.keyword {
            if let value = option.pointee.val {
                switch String(cString: name) {
                case "host": lists.hosts = String(cString: value)
                case "hostaddr": lists.addresses = String(cString: value)
                case "port": lists.ports = String(cString: value)
                default: break
                }
            }
            option += 1
        }
        return lists
    }

    /// libpq's lists: as many addresses as hosts or none, as many ports as hosts or one.
    private static func zip(
        _ lists: Lists
    ) throws(PostgresError) -> (hosts: [(host: String, port: UInt16)], addresses: [String]) {
        func split(_ list: String) -> [String] {
            list.isEmpty ? [] : list.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        }
        var names = split(lists.hosts)
        let addresses = split(lists.addresses)
        if names.isEmpty { names = addresses.isEmpty ? [""] : addresses }
        if !addresses.isEmpty, names.count != addresses.count {
            throw .connection("\(names.count) hosts, but \(addresses.count) host addresses")
        }
        let ports = split(lists.ports)
        if ports.count > 1, ports.count != names.count {
            throw .connection("\(names.count) hosts, but \(ports.count) ports")
        }
        var hosts: [(host: String, port: UInt16)] = []
        for (index, name) in names.enumerated() {
            let text = ports.isEmpty ? "" : ports[ports.count == 1 ? 0 : index]
            guard let port = text.isEmpty ? 5432 : UInt16(text), port > 0 else {
                throw .connection("port: expected a number from 1 to 65535")
            }
            hosts.append((name, port))
        }
        return (hosts, addresses)
    }
}

/// One place to connect to; nil leaves the choice to libpq.
struct Endpoint: Equatable, CustomStringConvertible {
    /// A socket directory, or the name that certificates and password files know.
    var host: String?
    /// Numeric.
    var address: String?
    var port: UInt16?

    static func isSocketDirectory(_ host: String) -> Bool { host.hasPrefix("/") || host.hasPrefix("@") }

    var description: String {
        let port = port.map { " port \($0)" } ?? ""
        guard let host else { return (address ?? "the default socket") + port }
        guard let address, address != host else { return host + port }
        return "\(host) (\(address))\(port)"
    }
}

extension Duration {
    /// Rounded towards zero.
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
