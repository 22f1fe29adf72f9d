import Testing

@testable import AMQP

@Suite struct BrokerEndpointTests {
    @Test func isReadFromAURL() {
        #expect(BrokerEndpoint(url: "amqp://localhost") == BrokerEndpoint(host: "localhost"))
        #expect(BrokerEndpoint(url: "amqp://localhost/") == BrokerEndpoint(host: "localhost"))
        #expect(
            BrokerEndpoint(url: "amqp://ada:a%2Fb@10.0.0.1:5673/default")
                == BrokerEndpoint(host: "10.0.0.1", port: 5673, user: "ada", password: "a/b", virtualHost: "default"))
        #expect(BrokerEndpoint(url: "amqps://host/%2F") == BrokerEndpoint(host: "host", port: 5671, tls: true))
    }

    @Test(arguments: ["", "http://localhost", "localhost:5672", "amqp://host:port", "amqp://host:0/", "amqp://a/b/c"])
    func whatIsNoneIsRefused(_ text: String) {
        #expect(BrokerEndpoint(url: text) == nil)
    }
}
