import Bytes
import TLS

/// A probe's conversation under TLS. Whom it talks to is not checked: it only asks whether somebody is there, and tells
/// no secret.
struct SecureProbe: ~Copyable {
    private let probe: Probe
    private let session: TLSSession

    init(_ probe: consuming Probe, host: String) throws(Probe.Failure) {
        session = try Self.told { () throws(TLSError) in try TLSSession(TLSContext(trust: .anybody), host: host) }
        self.probe = probe
    }

    /// Sends `request` and gives at least `count` bytes of what comes back; fewer only at the end of the stream.
    borrowing func exchange(_ request: [UInt8], forAtLeast count: Int) throws(Probe.Failure) -> [UInt8] {
        var rest = ByteBuffer()
        rest.append(request)
        var answer: [UInt8] = []
        var hasEnded = false
        while answer.count < count, !hasEnded {
            while !rest.isEmpty {
                let taken = try Self.told { () throws(TLSError) in
                    try rest.withUnsafeBytes { bytes throws(TLSError) in try session.write(bytes) }
                }
                guard taken > 0 else { break }
                rest.consume(taken)
            }
            try flush()
            let bytes = try probe.receive(atLeast: 1)
            let isClosed = try decipher(bytes, into: &answer)
            hasEnded = bytes.isEmpty || isClosed
            try flush()
        }
        return answer
    }

    /// - Returns: whether the peer has said that this is all.
    private borrowing func decipher(_ bytes: [UInt8], into answer: inout [UInt8]) throws(Probe.Failure) -> Bool {
        bytes.withUnsafeBytes { bytes in
            session.receive(bytes)
            session.keepInput()
        }
        let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.record, alignment: 1)
        defer { plain.deallocate() }
        while true {
            switch try Self.told({ () throws(TLSError) in try session.read(into: plain) }) {
            case .bytes(let count): answer += plain[..<count]
            case .needMore: return false
            case .closed: return true
            }
        }
    }

    private borrowing func flush() throws(Probe.Failure) {
        let output = Array(session.output)
        session.consumeOutput(output.count)
        if !output.isEmpty { try probe.send(output) }
    }

    private static func told<R>(_ body: () throws(TLSError) -> R) throws(Probe.Failure) -> R {
        do throws(TLSError) { return try body() } catch { throw Probe.Failure("\(error)") }
    }
}

extension Probe {
    /// Sends `request` and gives at least `count` bytes of what comes back; fewer only at the end of the stream.
    consuming func exchange(
        _ request: [UInt8], forAtLeast count: Int, host: String, tls: Bool
    ) throws(Failure) -> [UInt8] {
        if tls { return try SecureProbe(self, host: host).exchange(request, forAtLeast: count) }
        try send(request)
        return try receive(atLeast: count)
    }
}
