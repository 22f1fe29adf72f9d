import CRabbitMQ

extension BrokerEndpoint {
    /// One broker by its `amqp[s]://user:password@host:port/vhost` URL, as librabbitmq reads it (amqp_parse_url(3)): what
    /// is left out is guest, guest, localhost, 5672 and `/`. nil when it is no such URL.
    public init?(url: String) {
        var bytes = url.utf8CString
        let endpoint = bytes.withUnsafeMutableBufferPointer { text -> BrokerEndpoint? in
            var parts = amqp_connection_info()
            // The parts point into the text, which is taken apart in place.
            guard amqp_parse_url(text.baseAddress, &parts) == Int32(AMQP_STATUS_OK.rawValue),
                let port = UInt16(exactly: parts.port), port > 0
            else { return nil }
            let virtualHost = String(cString: parts.vhost)
            // A path that is only "/" names the default one, as everywhere in this program.
            return BrokerEndpoint(
                host: String(cString: parts.host), port: port, user: String(cString: parts.user),
                password: String(cString: parts.password), virtualHost: virtualHost.isEmpty ? "/" : virtualHost,
                tls: parts.ssl != 0)
        }
        guard let endpoint else { return nil }
        self = endpoint
    }
}
