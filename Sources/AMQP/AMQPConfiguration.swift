import TLS

/// Where a broker is, and as whom to log in.
public struct BrokerEndpoint: Equatable, Sendable {
    public var host: String
    public var port: UInt16
    public var user: String
    public var password: String
    public var virtualHost: String
    /// amqps: TLS from the first byte, with `AMQPConfiguration.tls`.
    public var tls: Bool

    public init(
        host: String, port: UInt16 = 5672, user: String = "guest", password: String = "guest",
        virtualHost: String = "/", tls: Bool = false
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
        self.tls = tls
    }
}

public struct AMQPConfiguration: Equatable, Sendable {
    /// Tried in turn.
    public var endpoints: [BrokerEndpoint]
    /// Shown by the broker's listings.
    public var connectionName: String
    /// Program and version, shown there too.
    public var product: String
    public var version: String
    /// What we ask for, in whole seconds; the broker may ask for less. Zero: as the broker says.
    public var heartbeat: Duration
    /// For the TCP connection to one address.
    public var connectTimeout: Duration
    /// Messages published and not confirmed, at most.
    public var confirmWindow: Int
    /// Whom endpoints with TLS are checked against; nil: there are none.
    public var tls: TLSContext?

    public init(
        endpoints: [BrokerEndpoint], connectionName: String, product: String = "", version: String = "",
        heartbeat: Duration = .seconds(30), connectTimeout: Duration = .seconds(5),
        confirmWindow: Int = Limits.confirmWindow, tls: TLSContext? = nil
    ) {
        precondition(!endpoints.isEmpty, "no broker to connect to")
        self.endpoints = endpoints
        self.connectionName = connectionName
        self.product = product
        self.version = version
        self.heartbeat = heartbeat
        self.connectTimeout = connectTimeout
        self.confirmWindow = confirmWindow
        self.tls = tls
    }
}
