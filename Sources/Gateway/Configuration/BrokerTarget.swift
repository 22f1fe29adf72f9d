/// Where RabbitMQ is and how to log in; several servers are tried in turn.
public struct BrokerTarget: Sendable, Equatable, CustomStringConvertible {
    public struct Endpoint: Sendable, Equatable {
        public let host: String
        public let port: UInt16
        /// `amqps`: verified against the system's certificate authorities or `BROKER_CA_FILE`.
        public let tls: Bool
        public let user: String
        public let password: String
        public let vhost: String
    }

    public let endpoints: [Endpoint]
    public var usesTLS: Bool { endpoints.contains { $0.tls } }

    /// As URLs without the passwords: fit for a log.
    public var description: String {
        endpoints.map { endpoint in
            "\(endpoint.tls ? "amqps" : "amqp")://\(endpoint.user):***@"
                + HostPort(host: endpoint.host, port: endpoint.port).text
                + (endpoint.vhost == "/" ? "/" : "/\(endpoint.vhost)")
        }.joined(separator: ",")
    }

    static func defaultPort(tls: Bool) -> UInt16 { tls ? 5671 : 5672 }
}
