/// One round over everything a connection may be made to: every host in turn, and of each every address. Pure: it is
/// told the addresses of a name and says what to try next.
struct EndpointRound {
    enum Step: Equatable {
        case connect(Endpoint)
        /// The addresses of this host are needed: `resolved` with them, then `next()`; without any, just `next()`.
        case resolve(host: String, port: UInt16)
        /// Everything was tried.
        case over
    }

    private let hosts: [(host: String, port: UInt16)]
    private let addresses: [String]
    private var nextHost = 0
    private var endpoints: [Endpoint] = []

    init(_ configuration: PostgresConfiguration) {
        // libpq knows a place to connect to when nobody names one.
        hosts = configuration.hosts.isEmpty ? [("", 0)] : configuration.hosts
        addresses = configuration.addresses
    }

    mutating func next() -> Step {
        if !endpoints.isEmpty { return .connect(endpoints.removeFirst()) }
        guard nextHost < hosts.count else { return .over }
        let index = nextHost
        nextHost += 1
        let (host, port) = hosts[index]
        let address = index < addresses.count && !addresses[index].isEmpty ? addresses[index] : nil
        if address == nil, !host.isEmpty, !Endpoint.isSocketDirectory(host) { return .resolve(host: host, port: port) }
        return .connect(
            Endpoint(host: host.isEmpty ? nil : host, address: address, port: port == 0 ? nil : port))
    }

    /// The addresses of the host whose resolution was asked for, in the order to try them.
    mutating func resolved(_ addresses: [String]) {
        let (host, port) = hosts[nextHost - 1]
        endpoints = addresses.map { Endpoint(host: host, address: $0, port: port) }
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
