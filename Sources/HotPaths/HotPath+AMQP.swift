import AMQP
import Bytes

extension HotPath {
    static let amqp: [HotPath] = [
        HotPath("AMQP: a message of 100 bytes encoded", per: "message") { count in
            var encoder = ContentEncoder(exchange: "scores")
            var output = ByteBuffer(capacity: 4096)
            var written = 0
            for _ in 0..<count {
                output.removeAll()
                publish(&encoder, into: &output)
                written += output.count
            }
            return written
        },
        HotPath("AMQP: a delivery of 100 bytes decoded", per: "message") { count in
            var encoder = ContentEncoder(exchange: "scores")
            var published = ByteBuffer(capacity: 4096)
            publish(&encoder, into: &published)
            let frames = delivery(of: published)
            let configuration = AMQPConfiguration(
                endpoints: [BrokerEndpoint(host: "localhost")], connectionName: "hot-paths")
            var session = AMQPSession(configuration, topology: Topology(exchange: "scores"), publishes: false)
            var assembler = MessageAssembler()
            var output = ByteBuffer()
            var found = 0
            for _ in 0..<count { found += decode(frames.span, &session, &assembler, &output) }
            return found
        },
    ]

    private static func publish(_ encoder: inout ContentEncoder, into output: inout ByteBuffer) {
        let body = [100 of UInt8](repeating: UInt8(ascii: "a"))
        let messageID = [36 of UInt8](repeating: UInt8(ascii: "0"))
        do throws(AMQPError) {
            try encoder.append(
                routingKey: "", contentType: "application/json", messageID: messageID.span, timestamp: 1_790_000_000,
                body: body.span, into: &output)
        } catch {
            fatalError("a small message was refused: \(error)")
        }
    }

    /// The frames of basic.deliver that a broker makes of what was published (section 1.8.3.14): the method is another,
    /// content header and body are the same.
    private static func delivery(of published: borrowing ByteBuffer) -> [UInt8] {
        var method: [UInt8] = [0, 60, 0, 60]
        method += [31] + Array("amq.ctag-0123456789abcdefABCDEF".utf8)  // consumer-tag
        method += [0, 0, 0, 0, 0, 0, 0, 7, 0]  // delivery-tag, redelivered
        method += [6] + Array("scores".utf8) + [0]  // exchange, routing-key
        var frames: [UInt8] = [FrameKind.method.rawValue, 0, 1, 0, 0, 0, UInt8(method.count)] + method + [Frame.end]
        do throws(AMQPError) {
            guard let first = try FrameDecoder().next(in: published.bytes) else { fatalError("no frame was written") }
            for index in first.length..<published.count { frames.append(published.bytes[index]) }
        } catch {
            fatalError("our own frame was refused: \(error)")
        }
        return frames
    }

    /// What `AMQPConnection` does with them.
    private static func decode(
        _ bytes: Span<UInt8>, _ session: inout AMQPSession, _ assembler: inout MessageAssembler,
        _ output: inout ByteBuffer
    ) -> Int {
        let decoder = FrameDecoder()
        let now = Instant(nanoseconds: 1)
        var found = 0
        var offset = 0
        do throws(AMQPError) {
            while let frame = try decoder.next(in: bytes.extracting(offset...)) {
                let start = offset + Frame.headerSize
                let payload = bytes.extracting(start..<(start + frame.size))
                switch frame.kind {
                case .method:
                    let event = try session.receive(payload, channel: frame.channel, now: now, into: &output)
                    guard case .deliver(let tag, let redelivered) = event else { fatalError("not delivered: \(event)") }
                    assembler.begin(deliveryTag: tag, redelivered: redelivered)
                case .header: _ = try assembler.header(payload)
                case .body:
                    if try assembler.body(payload) == .whole {
                        assembler.withDelivery(payload, epoch: 0) { found += $0.body.count }
                    }
                case .heartbeat: break
                }
                offset += frame.length
            }
        } catch {
            fatalError("well-formed frames were refused: \(error)")
        }
        return found
    }
}
