import Bytes
import Foundation
import TLS
import Testing

/// Two sessions that talk to each other through memory.
@Suite(.serialized) struct TLSSessionTests {
    /// A certificate for localhost and 127.0.0.1 that vouches for itself.
    private static let folder: String = {
        let folder = NSTemporaryDirectory() + "tls-\(getpid())"
        mkdir(folder, 0o700)
        for name in ["server", "other"] {
            // Not Foundation's Process: its wait for the end can be held up by a child of another test.
            let made = system(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost"
                    + " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -days 2"
                    + " -keyout \(folder)/\(name).key -out \(folder)/\(name).pem 2>/dev/null")
            precondition(made == 0, "openssl made no certificate")
        }
        return folder
    }()

    private final class Peer {
        let session: TLSSession
        var plain: [UInt8] = []
        var isClosed = false

        init(_ session: TLSSession) { self.session = session }

        /// Takes what has come, all at once or in pieces of that many bytes.
        func receive(_ bytes: [UInt8], piece: Int) throws {
            var rest = bytes[...]
            repeat {
                let part = Array(rest.prefix(piece))
                rest = rest.dropFirst(piece)
                try part.withUnsafeBytes { part in
                    session.receive(part)
                    try read()
                    session.keepInput()
                }
            } while !rest.isEmpty
        }

        func read(limit: Int = 100) throws {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 1)
            defer { buffer.deallocate() }
            while true {
                switch try session.read(into: buffer) {
                case .bytes(let count): plain += buffer[..<count]
                case .needMore: return
                case .closed:
                    isClosed = true
                    return
                }
            }
        }

        func write(_ bytes: [UInt8]) throws {
            var rest = bytes[...]
            while !rest.isEmpty {
                let taken = try rest.withUnsafeBytes { try session.write($0) }
                try #require(taken > 0 && taken <= Limits.record)
                rest = rest.dropFirst(taken)
            }
        }

        func takeOutput() -> [UInt8] {
            let output = Array(session.output)
            session.consumeOutput(output.count)
            return output
        }
    }

    private let server: TLSContext
    private let client: TLSContext

    init() throws {
        let folder = Self.folder
        server = try TLSContext(certificateFile: "\(folder)/server.pem", keyFile: "\(folder)/server.key")
        client = try TLSContext(trust: .file("\(folder)/server.pem"))
    }

    private func pair(host: String = "localhost", trust: TLSContext? = nil) throws -> (client: Peer, server: Peer) {
        (Peer(try TLSSession(trust ?? client, host: host)), Peer(try TLSSession(server)))
    }

    /// Until neither has more to say.
    private func converse(_ one: Peer, _ other: Peer, piece: Int = .max) throws {
        while true {
            let there = one.takeOutput()
            if !there.isEmpty { try other.receive(there, piece: piece) }
            let back = other.takeOutput()
            if !back.isEmpty { try one.receive(back, piece: piece) }
            if there.isEmpty, back.isEmpty { return }
        }
    }

    @Test(arguments: [Int.max, 1, 2, 7, 1000])
    func aConversationWhateverThePieces(piece: Int) throws {
        let (client, server) = try pair()
        #expect(!client.session.isEstablished && !server.session.isEstablished)
        #expect(try Array("early".utf8).withUnsafeBytes { try client.session.write($0) } == 0)
        try converse(client, server, piece: piece)
        #expect(client.session.isEstablished && server.session.isEstablished)
        let question = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
        let answer = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        try client.write(question)
        try server.write(answer)
        try converse(client, server, piece: piece)
        #expect(server.plain == question && client.plain == answer)
        client.session.close()
        client.session.close()
        try converse(client, server, piece: piece)
        #expect(server.isClosed && !client.isClosed)
        // Half-closed: the other direction goes on.
        try server.write(question)
        server.session.close()
        try converse(client, server, piece: piece)
        #expect(client.plain == answer + question && client.isClosed)
    }

    @Test func whatTheOwnerDoesNotReadNowIsKept() throws {
        let (client, server) = try pair()
        try converse(client, server)
        let text = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        for part in stride(from: 0, to: 5000, by: 500) { try client.write(Array(text[part..<(part + 500)])) }
        var output = client.takeOutput()
        output.withUnsafeMutableBytes { bytes in
            server.session.receive(UnsafeRawBufferPointer(bytes))
            server.session.keepInput()
            // Its memory is used for something else.
            for index in bytes.indices { bytes[index] = 0xAA }
        }
        try client.write(text)
        try server.receive(client.takeOutput(), piece: .max)
        #expect(server.plain == text + text)
    }

    @Test(arguments: ["localhost", "127.0.0.1"]) func whoIsAskedForIsChecked(host: String) throws {
        let (client, server) = try pair(host: host)
        try converse(client, server)
        #expect(client.session.isEstablished)
    }

    @Test(arguments: ["localhost.example.com", "127.0.0.2", "example.com"]) func anotherName(host: String) throws {
        let (client, server) = try pair(host: host)
        let error = #expect(throws: TLSError.self) { try converse(client, server) }
        #expect(error?.isUntrusted == true)
        #expect(error?.description.contains("mismatch") == true)
        // The alert tells the server why.
        #expect(throws: TLSError.self) { try converse(client, server) }
        #expect(!server.session.isEstablished || server.plain.isEmpty)
    }

    @Test func anotherAuthority() throws {
        let (client, server) = try pair(trust: TLSContext(trust: .file("\(Self.folder)/other.pem")))
        let error = #expect(throws: TLSError.self) { try converse(client, server) }
        #expect(error?.isUntrusted == true)
        let (careless, another) = try pair(trust: TLSContext(trust: .anybody))
        try converse(careless, another)
        #expect(careless.session.isEstablished)
    }

    @Test func noRecordIsTakenTwiceOrChanged() throws {
        let (client, server) = try pair()
        try converse(client, server)
        try client.write(Array("once".utf8))
        let record = client.takeOutput()
        try server.receive(record, piece: .max)
        #expect(throws: TLSError.self) { try server.receive(record, piece: .max) }
        #expect(server.plain == Array("once".utf8))
        #expect(!server.session.output.isEmpty, "the alert")

        let (second, other) = try pair()
        try converse(second, other)
        try second.write(Array("whole".utf8))
        var changed = second.takeOutput()
        changed[changed.count - 1] ^= 1
        #expect(throws: TLSError.self) { try other.receive(changed, piece: .max) }
        #expect(other.plain.isEmpty)
    }

    @Test func whatIsNoTLS() throws {
        let (_, server) = try pair()
        let error = #expect(throws: TLSError.self) {
            try server.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8), piece: .max)
        }
        #expect(error?.description == "http request" && error?.isUntrusted == false)
    }

    /// Whatever the records that its head comes in.
    @Test(arguments: [[9], [1, 8], [1, 1, 1, 1, 5], [0, 3, 6]], [16 * 1024, 16 * 1024 + 1])
    func aFirstMessageThatAnnouncesMuch(records: [Int], length: Int) throws {
        let server = Peer(try TLSSession(self.server))
        var content: [UInt8] = [1, 0, UInt8(length >> 8), UInt8(length & 255), 3, 3, 0, 0, 0]
        var bytes: [UInt8] = []
        for count in records {
            bytes += [22, 3, 1, 0, UInt8(count)] + content.prefix(count)
            content.removeFirst(count)
        }
        for piece in [1, bytes.count] {
            let server = piece == 1 ? server : Peer(try TLSSession(self.server))
            if length > 16 * 1024 {
                let error = #expect(throws: TLSError.self) { try server.receive(bytes, piece: piece) }
                #expect(error?.description == "the client's first message is too long")
            } else {
                try server.receive(bytes, piece: piece)
            }
            #expect(!server.session.isEstablished)
        }
    }

    @Test func whatAHandshakeHoldsIsCountedUntilItIsDone() throws {
        let (client, server) = try pair()
        #expect(server.session.heldInput > 16 * 1024)
        try converse(client, server)
        #expect(server.session.heldInput == 0)
    }

    @Test func aPairThatIsNone() {
        let folder = Self.folder
        func message(_ certificate: String, _ key: String) -> String? {
            #expect(throws: TLSError.self) { try TLSContext(certificateFile: certificate, keyFile: key) }?.description
        }
        #expect(
            message("\(folder)/server.pem", "\(folder)/other.key")
                == "\(folder)/other.key: not the key of the certificate in \(folder)/server.pem")
        #expect(message("/no/such.pem", "\(folder)/other.key") == "/no/such.pem: No such file or directory")
        #expect(message("\(folder)/server.key", "\(folder)/server.key")?.contains("no certificate in PEM") == true)
        #expect(message("\(folder)/server.pem", "\(folder)/server.pem")?.contains("no private key in PEM") == true)
        #expect(server.notAfter.map { abs($0 - Int64(time(nil)) - 2 * 86_400) < 3600 } == true)
    }
}
