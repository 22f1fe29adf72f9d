import Logging
import Reactor

/// Turns texts into typed values, and collects what is wrong instead of stopping at the first.
///
/// After a problem the value returned is a placeholder: nobody sees it, because `Configuration` is not made then.
struct ConfigurationReader {
    let source: ConfigurationSource
    let role: Role
    /// Also read what `migrate` needs, whatever the role.
    let purpose: Configuration.Purpose
    private(set) var problems: [ConfigurationError.Problem] = []
    private(set) var read: Set<Variable> = []

    init(_ source: ConfigurationSource, role: Role, purpose: Configuration.Purpose) {
        self.source = source
        self.role = role
        self.purpose = purpose
    }

    /// Whether the role looks at the variable at all. Poster and reporter see a DATABASE_URL that is none of their
    /// business, and may be anything.
    static func reads(_ variable: Variable, role: Role, purpose: Configuration.Purpose) -> Bool {
        let specification = variable.specification
        return specification.roles.contains(role) || (purpose == .migrate && specification.group == .database)
    }

    mutating func add(_ problem: ConfigurationError.Problem) {
        problems.append(problem)
    }

    /// The text of a variable; nil when it is not set, not read in this role, or wrong.
    mutating func text(_ variable: Variable) -> String? {
        read.insert(variable)
        do throws(ConfigurationError.Problem) {
            // What the role does not read has its default.
            guard Self.reads(variable, role: role, purpose: purpose) else {
                return try ConfigurationSource(environment: [:], usableCores: source.usableCores).value(of: variable)
                    .text
            }
            return try source.value(of: variable).text
        } catch {
            problems.append(error)
            return nil
        }
    }

    /// The text of a variable if somebody set it.
    mutating func statedText(_ variable: Variable) -> String? {
        let text = text(variable)
        guard let value = try? source.value(of: variable), value.origin != .standard else { return nil }
        return Self.reads(variable, role: role, purpose: purpose) ? text : nil
    }

    private mutating func parse<Value>(_ variable: Variable, _ parse: (String) -> Value?) -> Value? {
        guard let text = text(variable) else { return nil }
        guard let value = parse(text) else {
            reject(variable, text)
            return nil
        }
        return value
    }

    private mutating func reject(_ variable: Variable, _ text: String, because reason: String? = nil) {
        let expected = "expected " + variable.specification.kind.expectation
        problems.append(
            ConfigurationError.Problem(
                variable.name, value: variable.masked(text), reason.map { "\($0); \(expected)" } ?? expected))
    }

    mutating func integer(_ variable: Variable) -> Int {
        guard case .integer(let range) = variable.specification.kind else { preconditionFailure("no integer") }
        return optionalInteger(variable) ?? range.lowerBound
    }

    /// Of a variable that has no default.
    mutating func optionalInteger(_ variable: Variable) -> Int? {
        guard case .integer(let range) = variable.specification.kind else { preconditionFailure("no integer") }
        return parse(variable) { text in
            let isPlain = text.utf8.allSatisfy { $0 &- 0x30 <= 9 }
            return isPlain ? Int(text).flatMap { range.contains($0) ? $0 : nil } : nil
        }
    }

    mutating func bytes(_ variable: Variable) -> Int {
        guard case .bytes(let range) = variable.specification.kind else { preconditionFailure("no number of bytes") }
        return parse(variable) { text in Quantity.bytes(text).flatMap { range.contains($0) ? $0 : nil } }
            ?? range.lowerBound
    }

    mutating func duration(_ variable: Variable) -> Duration {
        guard case .duration(let range) = variable.specification.kind else { preconditionFailure("no duration") }
        return parse(variable) { text in Quantity.duration(text).flatMap { range.contains($0) ? $0 : nil } }
            ?? range.lowerBound
    }

    mutating func flag(_ variable: Variable) -> Bool {
        parse(variable) { text -> Bool? in
            switch text.lowercased() {
            case "1", "true", "yes", "on": true
            case "0", "false", "no", "off": false
            default: nil
            }
        } ?? false
    }

    /// The word in lower case, one of those of the table.
    mutating func choice(_ variable: Variable) -> String {
        guard case .choice(let words) = variable.specification.kind else { preconditionFailure("no choice") }
        return parse(variable) { text in words.contains(text.lowercased()) ? text.lowercased() : nil } ?? words[0]
    }

    mutating func address(_ variable: Variable) -> String {
        parse(variable) { text in SocketAddress(numeric: text, port: 0) == nil ? nil : text } ?? ""
    }

    /// Text of the kinds that are a string with a rule.
    mutating func string(_ variable: Variable) -> String? {
        let kind = variable.specification.kind
        return parse(variable) { text in
            let hasControls = text.utf8.contains { $0 < 0x20 || $0 == 0x7f }
            switch kind {
            case .amqpName: return !hasControls && text.utf8.count <= ConfigurationLimits.amqpNameBytes ? text : nil
            case .token: return text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } ? text : nil
            case .text: return hasControls ? nil : text
            case .path: return text
            default: preconditionFailure("no string")
            }
        }
    }

    mutating func httpURL(_ variable: Variable) -> HTTPURL? {
        guard let text = text(variable) else { return nil }
        do throws(URLError) {
            return try HTTPURL(text)
        } catch {
            reject(variable, text, because: error.reason)
            return nil
        }
    }

    mutating func origins(_ variable: Variable) -> AllowedOrigins {
        parse(variable) { text in AllowedOrigins(text) } ?? .own
    }

    mutating func tokens(_ variable: Variable) -> APITokens? { parse(variable) { text in APITokens(text) } }

    mutating func rate(_ variable: Variable) -> Rate? { parse(variable) { text in Rate(text) } }

    mutating func networks(_ variable: Variable) -> Networks { parse(variable) { text in Networks(text) } ?? .none }

    /// DATABASE_URL, else the parts.
    mutating func database() -> PostgresTarget? {
        let url = text(.databaseURL)
        let username = statedText(.databaseUsername)
        let password = statedText(.databasePassword)
        if let url, url.hasPrefix(Self.sqliteScheme) { return nil }
        if let url {
            do throws(URLError) {
                return try DatabaseURL.parse(url, username: username, password: password)
            } catch {
                reject(.databaseURL, url, because: error.reason)
                return nil
            }
        }
        let hosts = hosts(.databaseHost)
        let name = string(.databaseName)
        let port = port(.databasePort)
        guard let hosts else { return nil }
        return PostgresTarget(
            endpoints: hosts.map { PostgresTarget.Endpoint(host: $0, port: port) },
            user: username, password: password, database: name)
    }

    private static let sqliteScheme = "sqlite:"

    /// The file of `sqlite:<path>`, else of SCORES_FILE when ROLE=all is told of no database.
    mutating func sqliteFile(default file: String) -> String? {
        if let url = text(.databaseURL), Self.reads(.databaseURL, role: role, purpose: purpose) {
            guard url.hasPrefix(Self.sqliteScheme) else { return nil }
            let path = String(url.dropFirst(Self.sqliteScheme.count))
            if path.isEmpty || path.hasPrefix("//") || path.hasPrefix(":") {
                reject(.databaseURL, url, because: "after sqlite: stands the path of a file")
                return nil
            }
            return path
        }
        guard role == .all, statedText(.databaseHost) == nil else { return nil }
        return file
    }

    /// BROKER_URL, else the parts.
    mutating func broker() -> BrokerTarget? {
        let url = text(.brokerURL)
        let username = statedText(.brokerUsername)
        let password = statedText(.brokerPassword)
        if let url {
            do throws(URLError) {
                return try BrokerURL.parse(url, username: username, password: password)
            } catch {
                reject(.brokerURL, url, because: error.reason)
                return nil
            }
        }
        let hosts = hosts(.brokerHost)
        let port = port(.brokerPort)
        guard let hosts else { return nil }
        return BrokerTarget(
            endpoints: hosts.map { host in
                BrokerTarget.Endpoint(
                    host: host, port: port, tls: false, user: username ?? "guest",
                    password: password ?? "guest", vhost: "/")
            })
    }

    /// Hosts among the parts: one, or several with commas.
    private mutating func hosts(_ variable: Variable) -> [String]? {
        parse(variable) { text in
            let hosts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let areHosts = hosts.allSatisfy { host in
                !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
                    && (host.hasPrefix("/") || !host.contains("/"))
            }
            return areHosts ? hosts : nil
        }
    }

    /// A port among the parts. Kubernetes sets `BROKER_PORT=tcp://10.3.2.1:5672` in every container of a namespace with
    /// a Service named `broker`: nobody chose that value, so it is no port and no error either.
    private mutating func port(_ variable: Variable) -> UInt16 {
        if let text = text(variable), text.hasPrefix("tcp://") {
            return UInt16(variable.specification.defaultText) ?? 0
        }
        return UInt16(integer(variable))
    }
}

extension Variable {
    /// `text` without what must not be shown.
    func masked(_ text: String) -> String {
        switch specification.secrecy {
        case .open: text
        case .secret: "***"
        // Without an @ an HTTP URL has no place for a password.
        case .password where specification.kind.isHTTPURL && !text.contains("@"): text
        // Somewhere in a URL that does not parse is a password; only the scheme is surely none.
        case .password: (text.firstIndex(of: ":").map { text[..<$0] }.flatMap(Self.scheme) ?? "") + "***"
        }
    }

    private static func scheme(_ text: Substring) -> String? {
        let known = [
            "postgres", "postgresql", "amqp", "amqps", "http", "https", "sqlite", "mysql", "redis", "ws", "wss",
        ]
        let base = text.prefix { $0 != "+" }.lowercased()
        return known.contains(base) ? "\(base)://" : nil
    }
}
