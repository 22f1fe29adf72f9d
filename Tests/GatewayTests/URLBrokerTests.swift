import Testing

@testable import Gateway

@Suite struct URLBrokerTests {
    @Test(arguments: [
        // no path, /, a name, an encoded slash
        ("amqp://u:p@mq", "amqp u p mq 5672 /"), ("amqp://u:p@mq:5672", "amqp u p mq 5672 /"),
        ("amqp://u:p@mq/", "amqp u p mq 5672 /"), ("amqp://u:p@mq/default", "amqp u p mq 5672 default"),
        ("amqp://u:p@mq/%2f", "amqp u p mq 5672 /"), ("amqp://u:p@mq/%2F", "amqp u p mq 5672 /"),
        ("amqp://u:p@mq//", "amqp u p mq 5672 /"), ("amqp://u:p@mq/a%2fb%20c", "amqp u p mq 5672 a/b c"),
        ("amqp://u:p@mq/a+b", "amqp u p mq 5672 a+b"),
        // defaults
        ("amqp://mq", "amqp guest guest mq 5672 /"), ("amqp://@mq", "amqp guest guest mq 5672 /"),
        ("amqp://u@mq", "amqp u guest mq 5672 /"), ("amqp://u:@mq", "amqp u  mq 5672 /"),
        ("amqps://mq", "amqps guest guest mq 5671 /"), ("amqps://mq:1", "amqps guest guest mq 1 /"),
        ("AMQP://mq", "amqp guest guest mq 5672 /"), ("amqp://[::1]:1/v", "amqp guest guest ::1 1 v"),
        // a review of Kólga
        (
            "amqp://user:testing-password@qa-r-x-rabbitmq:5672",
            "amqp user testing-password qa-r-x-rabbitmq 5672 /"
        ),
        ("amqp://us@er:p%40ss+w%2Frd%3A%2B%25%C3%A9%23@mq", "amqp us@er p@ss w/rd:+%é# mq 5672 /"),
        // several hosts, several URLs
        ("amqp://u:p@a:1,b,c:3/v", "amqp u p a 1 v|amqp u p b 5672 v|amqp u p c 3 v"),
        ("amqp://u:p@a/v,amqps://w:q@b/x", "amqp u p a 5672 v|amqps w q b 5671 x"),
        ("amqp://u:p@a,b/v,AMQP://c", "amqp u p a 5672 v|amqp u p b 5672 v|AMQP guest guest c 5672 /"),
        ("amqp://u:p,q@a", "amqp u p,q a 5672 /"),
    ])
    func reading(url: String, expected: String) throws {
        let endpoints = try BrokerURL.parse(url).endpoints.map {
            "\($0.tls ? "amqps" : "amqp") \($0.user) \($0.password) \($0.host) \($0.port) \($0.vhost)"
        }
        #expect(endpoints.joined(separator: "|") == expected.replacing("AMQP", with: "amqp"))
    }

    @Test(arguments: [
        ("amqp://u:a+b@mq", nil, "a b"), ("amqp://u:a+b@mq", "a+b", "a+b"), ("amqp://u:a+b@mq", "a b", "a b"),
        ("amqp://u:a%2Bb@mq", "a+b", "a+b"), ("amqp://u:5%@mq", "5%", "5%"), ("amqp://u@mq", "p", "p"),
        ("amqp://u:x@mq", "p", "x"),
    ])
    func passwords(url: String, stated: String?, expected: String) throws {
        #expect(try BrokerURL.parse(url, password: stated).endpoints[0].password == expected)
    }

    @Test(arguments: [
        "", "mq", "amqp:", "amqp://", "amqp:///v", "amqp://u:p@", "amqp://u:p@/v", "http://mq", "postgresql://mq",
        "amqp://mq:0", "amqp://mq:x", "amqp://a,,b", "amqp://a,", ",amqp://a", "amqp://a,http://b",
        "amqp://mq?heartbeat=5",
        "amqp://mq/%zz", "amqp://u:%zz@mq", "amqp://%2Ftmp", "amqp://u:p/q@mq", "amqp://mq/v\n", "amqp://m q",
        "amqp://mq/" + String(repeating: "v", count: 256),
    ])
    func refused(url: String) {
        #expect(throws: URLError.self) { try BrokerURL.parse(url) }
    }

    @Test func display() throws {
        let target = try BrokerURL.parse("amqp://us@er:pw@a:1,b/v,amqps://c")
        #expect(target.description == "amqp://us@er:***@a:1/v,amqp://us@er:***@b:5672/v,amqps://guest:***@c:5671/")
        #expect(target.usesTLS)
    }
}
