/// Reads `BROKER_URL`: `amqp[s]://user:password@host:port/vhost` (the AMQP URI specification of RabbitMQ), where several
/// hosts of one URL, or several URLs, may be listed with commas.
enum BrokerURL {
    /// - Parameters:
    ///   - username: `BROKER_USERNAME` and
    ///   - password: `BROKER_PASSWORD`, which decide between the readings of an encoded URL.
    static func parse(
        _ text: String, username: String? = nil, password: String? = nil
    ) throws(URLError) -> BrokerTarget {
        var endpoints: [BrokerTarget.Endpoint] = []
        for url in split(text) {
            endpoints += try one(url, username: username, password: password)
        }
        return BrokerTarget(endpoints: endpoints)
    }

    private static func one(
        _ text: String, username: String?, password: String?
    ) throws(URLError) -> [BrokerTarget.Endpoint] {
        let url = try URLParts(text)
        guard url.scheme == "amqp" || url.scheme == "amqps" else { throw URLError("the scheme is another one") }
        guard url.query == nil else { throw URLError("options after ? are not supported") }
        let tls = url.scheme == "amqps"
        let (user, password) = try url.credentials(username: username, password: password)
        let vhost = try vhost(url.path)
        var endpoints: [BrokerTarget.Endpoint] = []
        for endpoint in try url.endpoints() {
            guard !endpoint.host.isEmpty, !endpoint.host.hasPrefix("/"), !endpoint.host.hasPrefix("@") else {
                throw URLError("the host is missing")
            }
            endpoints.append(
                BrokerTarget.Endpoint(
                    host: endpoint.host, port: endpoint.port ?? BrokerTarget.defaultPort(tls: tls), tls: tls,
                    user: user ?? "guest", password: password ?? "guest", vhost: vhost))
        }
        return endpoints
    }

    /// No path and `/` are the virtual host `/`, as the replaced services and most clients have it; the specification
    /// would make the empty name of the latter.
    private static func vhost(_ path: [UInt8]?) throws(URLError) -> String {
        guard let path, !path.isEmpty else { return "/" }
        guard let vhost = PercentEncoding.decode(path) else {
            throw URLError("the vhost has a % that begins no escape (write %25)")
        }
        guard vhost.utf8.count <= ConfigurationLimits.amqpNameBytes else {
            throw URLError("the vhost is longer than \(ConfigurationLimits.amqpNameBytes) bytes")
        }
        return vhost
    }

    /// At the commas that are followed by a scheme; the others separate hosts of one URL.
    private static func split(_ text: String) -> [String] {
        var urls: [String] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            if urls.isEmpty || piece.contains("://") {
                urls.append(String(piece))
            } else {
                urls[urls.count - 1] += "," + piece
            }
        }
        return urls
    }
}
