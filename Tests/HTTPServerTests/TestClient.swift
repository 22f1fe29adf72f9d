import Bytes
import CLinux
import Glibc
import TLS
import Testing

@testable import HTTPServer
@testable import Reactor

/// A server on a reactor, both turned by the test.
final class TestServer {
    let reactor: Reactor
    let responder = ScriptedResponder()
    let server: HTTPServer

    init(
        maximumConnections: Int = 1000, heldBytes: Int = HTTPServerLimits.heldBytes,
        requestTimeout: Duration = .seconds(600),
        idleTimeout: Duration = .seconds(600), tls: TLSContext? = nil
    ) throws {
        reactor = try Reactor()
        server = try HTTPServer(
            reactor,
            HTTPServer.Options(
                address: SocketAddress(numeric: "127.0.0.1", port: 0)!, sharesPort: false,
                maximumConnections: maximumConnections, heldBytes: heldBytes, requestTimeout: requestTimeout,
                idleTimeout: idleTimeout),
            tls: tls, responder: responder)
    }

    func connect(receiveBuffer: Int32? = nil) throws -> TestClient {
        try TestClient(to: server.localAddress!, receiveBuffer: receiveBuffer)
    }

    /// Turns until the condition holds; a deadline far beyond any delay of a loaded machine turns a hang into a failure.
    func turn(_ location: SourceLocation = #_sourceLocation, until condition: () -> Bool) {
        // Below a sanitizer, with all tests at once, on a busy machine.
        let deadline = Reactor.monotonic() + .seconds(120)
        var isTrue = condition()
        while !isTrue, Reactor.monotonic() < deadline {
            reactor.turn(waitingAtMost: .milliseconds(5))
            isTrue = condition()
        }
        #expect(isTrue, "did not happen in time", sourceLocation: location)
    }

    /// Some turns in which nothing is expected to happen.
    func settle() {
        for _ in 0..<8 { reactor.turn(waitingAtMost: .milliseconds(1)) }
    }

    /// Answers the `index`-th request that waits.
    func answer(_ index: Int, _ text: String) {
        responder.answer(responder.tickets[index], text, on: server)
    }
}

/// A socket that writes what the test writes and keeps what it reads.
final class TestClient {
    let descriptor: Int32
    private(set) var received: [UInt8] = []
    private(set) var hasEnded = false
    private(set) var wasReset = false
    private var isOpen = true

    init(to address: SocketAddress, receiveBuffer: Int32?) throws {
        descriptor = try address.socket()
        if let receiveBuffer { _ = clinux_set_option(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        // To a listener on the loopback it stands before the listener accepts.
        #expect(address.connect(descriptor) == 0 || errno == EINPROGRESS)
    }

    deinit { close() }

    func close() {
        if isOpen { Glibc.close(descriptor) }
        isOpen = false
    }

    /// Leaves with a reset. (A `close` alone looks like the end of sending, and its answers are still made.)
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        #expect(sendSome(bytes[...]) == bytes.count)
    }

    /// - Returns: how much of it the kernel took; -1 after a reset.
    func sendSome(_ bytes: ArraySlice<UInt8>) -> Int {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        return count < 0 && errno == EAGAIN ? 0 : count
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// One `recv`: what the server sent in one write, if nothing else came since.
    @discardableResult func receiveOnce(atMost limit: Int = 1 << 20) -> Int {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { received += buffer[..<count] }
        if count == 0 { hasEnded = true }
        if count < 0, errno == ECONNRESET { wasReset = true }
        return count
    }

    /// Everything there is.
    func receive() {
        while !hasEnded, !wasReset, receiveOnce() > 0 {}
    }

    /// What was received, without `Date` fields, and lines ended as Swift ends them.
    var transcript: String {
        receive()
        return String(decoding: received, as: UTF8.self).replacing("\r\n", with: "\n").split(
            separator: "\n", omittingEmptySubsequences: false
        ).filter { !$0.hasPrefix("Date: ") }.joined(separator: "\n")
    }

    /// The answers with a known length: status, `close` if it says so, and the body, if it is short.
    var answers: [String] {
        receive()
        var found: [String] = []
        var rest = transcript[...]
        while let end = rest.firstRange(of: "\n\n") {
            let head = rest[..<end.lowerBound].split(separator: "\n")
            rest = rest[end.upperBound...]
            var words = [String(head[0].split(separator: " ")[1])]
            if head.contains("Connection: close") { words.append("close") }
            let length = head.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
            let body = rest.utf8.prefix(length)
            if body.count < length { break }
            if length > 0 { words.append(length > 100 ? "\(length) bytes" : String(body)!) }
            rest = rest[rest.utf8.index(rest.startIndex, offsetBy: length)...]
            found.append(words.joined(separator: " "))
        }
        return found
    }
}

func get(_ path: String, _ fields: String...) -> String {
    request("GET", path, fields)
}

func request(_ method: String, _ path: String, version: String = "1.1", _ fields: [String] = []) -> String {
    (["\(method) \(path) HTTP/\(version)", "Host: a"] + fields + ["", ""]).joined(separator: "\r\n")
}

func post(_ path: String, _ body: String, _ fields: String...) -> String {
    request("POST", path, ["Content-Length: \(body.utf8.count)"] + fields) + body
}
