/// Reads `DATABASE_URL`: a connection URI of libpq (PostgreSQL documentation, section 34.1.1.2), in any of the spellings
/// that deployment tools and SQLAlchemy give it.
enum DatabaseURL {
    /// - Parameters:
    ///   - username: `DATABASE_USERNAME` and
    ///   - password: `DATABASE_PASSWORD`, which decide between the readings of an encoded URL.
    static func parse(
        _ text: String, username: String? = nil, password: String? = nil
    ) throws(URLError) -> PostgresTarget {
        let url = try URLParts(text)
        let scheme = url.scheme.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)[0]
        guard scheme == "postgresql" || scheme == "postgres" else { throw URLError("the scheme is another one") }

        var (user, password) = try url.credentials(username: username, password: password)
        var database: String?
        if let path = url.path, !path.isEmpty {
            guard let decoded = PercentEncoding.decode(path) else {
                throw URLError("the database name has a % that begins no escape (write %25)")
            }
            database = decoded
        }
        var hosts = try url.endpoints().map(\.host)
        var ports = try url.endpoints().map(\.port)

        // As in libpq, an option given in the query wins over the same thing said before it.
        var addresses: [String] = []
        var options: [(String, String)] = []
        for (name, value) in try parameters(url.query ?? []) {
            switch name {
            case "user": user = value
            case "password": password = value
            case "dbname": database = value
            case "host": hosts = list(value)
            case "hostaddr": addresses = list(value)
            case "port": ports = try self.ports(value)
            default:
                options.removeAll { $0.0 == name }
                options.append((name, value))
            }
        }
        // The file of services (section 34.17) says where, and libpq reads it.
        let isService = options.contains { $0.0 == "service" } && hosts == [""] && addresses.isEmpty && ports == [nil]
        if hosts == [""], !addresses.isEmpty { hosts = addresses.map { _ in "" } }
        if ports.count == 1 { ports = hosts.map { _ in ports[0] } }
        guard ports.count == hosts.count else { throw URLError("it lists another number of ports than of hosts") }
        guard addresses.isEmpty || addresses.count == hosts.count else {
            throw URLError("hostaddr lists another number of hosts than host")
        }
        var endpoints: [PostgresTarget.Endpoint] = []
        for (index, host) in hosts.enumerated() where !isService {
            let address = addresses.isEmpty || addresses[index].isEmpty ? nil : addresses[index]
            endpoints.append(PostgresTarget.Endpoint(host: host, port: ports[index], address: address))
        }
        return PostgresTarget(
            endpoints: endpoints, user: user, password: password, database: database, options: options)
    }

    private static func list(_ value: String) -> [String] {
        value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private static func ports(_ value: String) throws(URLError) -> [UInt16?] {
        var ports: [UInt16?] = []
        for piece in list(value) {
            let port = HostPort.port(piece.utf8)
            guard piece.isEmpty || port != nil else { throw URLError("port is no number from 1 to 65535") }
            ports.append(port)
        }
        return ports
    }

    /// The query as names and values. libpq leaves `+` alone in it.
    private static func parameters(_ query: [UInt8]) throws(URLError) -> [(String, String)] {
        var parameters: [(String, String)] = []
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let name = PercentEncoding.decode(halves[0]),
                let value = PercentEncoding.decode(halves[1])
            else { throw URLError("an option after ? is not name=value") }
            if name == "ssl", value == "true" {
                // What JDBC calls it; libpq knows it in URIs too.
                parameters.append(("sslmode", "require"))
                continue
            }
            guard PostgresTarget.knownKeywords.contains(name) else {
                throw URLError("libpq has no such option after ?")
            }
            parameters.append((name, value))
        }
        return parameters
    }
}
