import Bytes
import Glibc
import Reactor
import Testing

@testable import Gateway

@Suite struct ConfigurationProbeTests {
    @Test func postgresHello() {
        #expect(
            Hello.postgres(user: "u", database: "d")
                == [0, 0, 0, 27, 0, 3, 0, 0] + Array("user\0u\0database\0d\0".utf8) + [0])
        #expect(Hello.postgres(user: "u", database: nil).count == 16)
    }

    @Test(arguments: [
        (Array("R\0\0\0\u{c}\0\0\0\u{5}".utf8), true),
        (Array("E\0\0\0\u{30}SFATAL\0C3D000\0Mdatabase \"x\" does not exist\0\0".utf8), true),
        (Array("E\0\0\0\u{30}SFATAL\0C28P01\0Mno\0\0".utf8), true),
        (Array("E\0\0\0\u{30}SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0".utf8), false),
        (Array("HTTP/1.1 400".utf8), false), ([], false),
    ])
    func postgresAnswers(answer: [UInt8], ready: Bool) {
        #expect(Hello.isReady(postgres: answer) == ready)
    }

    @Test(
        arguments: [
            ([1, 0, 0, 0, 0, 1, 0xe0, 0, 10, 0, 10, 0, 9], true), (Array("AMQP\0\0\u{9}\u{1}".utf8), false),
            ([], false),
            ([1, 0, 0, 0, 0, 1, 0xe0, 0, 10, 0, 11], false), (Array("HTTP/1.1 400 Bad".utf8), false),
        ] as [([UInt8], Bool)])
    func amqpAnswers(answer: [UInt8], ready: Bool) {
        #expect(Hello.isReady(amqp: answer) == ready)
    }

    @Test func health() {
        #expect(Healthcheck.isHealthy(Array("HTTP/1.1 200 OK\r\n".utf8)))
        #expect(!Healthcheck.isHealthy(Array("HTTP/1.1 503 Service Unavailable\r\n".utf8)))
        #expect(!Healthcheck.isHealthy(Array("HTTP/1.1 2000".utf8)))
        #expect(Healthcheck.reachable("0.0.0.0") == "127.0.0.1")
        #expect(Healthcheck.reachable("::") == "::1")
        #expect(Healthcheck.reachable("10.0.0.1") == "10.0.0.1")
    }

    /// A listener on the loopback, which answers nothing by itself.
    private func listener() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try #require(bind(descriptor, pointer, length) == 0)
                try #require(listen(descriptor, 4) == 0)
                try #require(getsockname(descriptor, pointer, &length) == 0)
            }
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    @Test func aConversation() throws {
        let (listener, port) = try listener()
        defer { close(listener) }
        let probe = try Probe(host: "127.0.0.1", port: port, deadline: Reactor.monotonic() + .seconds(5))
        let peer = accept(listener, nil, nil)
        defer { close(peer) }
        try probe.send(Array("hello".utf8))
        var bytes = [UInt8](repeating: 0, count: 5)
        #expect(recv(peer, &bytes, 5, Int32(MSG_WAITALL)) == 5)
        #expect(bytes == Array("hello".utf8))
        #expect(send(peer, "yes", 3, 0) == 3)
        #expect(try probe.receive(atLeast: 3) == Array("yes".utf8))
        #expect(shutdown(peer, Int32(SHUT_WR)) == 0)
        #expect(try probe.receive(atLeast: 1) == [])
    }

    @Test func nobodyThere() throws {
        let (listener, port) = try listener()
        close(listener)
        #expect(throws: Probe.Failure("Connection refused")) {
            _ = try Probe(host: "127.0.0.1", port: port, deadline: Reactor.monotonic() + .seconds(5)).receive(
                atLeast: 1)
        }
        #expect(throws: Probe.Failure("No such file or directory")) {
            _ = try Probe(socketPath: "/nonexistent/.s", deadline: Reactor.monotonic() + .seconds(5)).receive(
                atLeast: 1)
        }
    }

    @Test func somebodySilent() throws {
        let (listener, port) = try listener()
        defer { close(listener) }
        #expect(throws: Probe.Failure("no answer in time")) {
            try Probe(host: "127.0.0.1", port: port, deadline: Reactor.monotonic() + .milliseconds(20)).receive(
                atLeast: 1)
        }
    }
}
