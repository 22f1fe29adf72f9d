import Bytes
import CRabbitMQ

/// Writes a message: the method basic.publish, a content header, and the body in frames (section 4.2.6).
///
///     | method basic.publish |  | header |  | body |  | body | …
///
///     header payload:  0          2        4           12
///                      +----------+--------+-----------+----------------+- - - - - - -+
///                      | class 60 | weight | body size | property flags | properties… |
///                      +----------+--------+-----------+----------------+- - - - - - -+
///
/// The method is the same for every message with the same routing key, so it is encoded once and copied.
package struct ContentEncoder: ~Copyable {
    /// Class, weight and body size.
    static let propertiesOffset = 12

    private let exchange: String
    private var encoder = FrameEncoder()
    private var method = ByteBuffer()
    private var routingKey: StaticString?

    /// The largest frame that was agreed on, in bytes.
    var frameMax = Limits.frame

    package init(exchange: String) {
        self.exchange = exchange
    }

    /// A persistent message.
    /// - Parameters:
    ///   - messageID: at most 255 bytes; empty: none.
    ///   - timestamp: seconds since the Unix epoch.
    package mutating func append(
        routingKey: StaticString, contentType: StaticString?, messageID: Span<UInt8>, timestamp: Int64,
        body: Span<UInt8>, into output: inout ByteBuffer
    ) throws(AMQPError) {
        if self.routingKey?.utf8Start != routingKey.utf8Start
            || self.routingKey?.utf8CodeUnitCount != routingKey.utf8CodeUnitCount
        {
            method.removeAll()
            self.routingKey = nil
            let publish = Method.basicPublish(exchange: exchange, routingKey: routingKey.description)
            try encoder.append(publish, channel: FrameDecoder.channel, into: &method)
            self.routingKey = routingKey
        }
        output.append(method.bytes)
        messageID.withUnsafeBytes { messageID in
            var properties = amqp_basic_properties_t()
            properties._flags = amqp_flags_t(AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG)
            properties.delivery_mode = 2
            properties.timestamp = UInt64(bitPattern: timestamp)
            if let contentType {
                properties._flags |= amqp_flags_t(AMQP_BASIC_CONTENT_TYPE_FLAG)
                properties.content_type.len = contentType.utf8CodeUnitCount
                properties.content_type.bytes = UnsafeMutableRawPointer(mutating: contentType.utf8Start)
            }
            if messageID.count > 0 {
                properties._flags |= amqp_flags_t(AMQP_BASIC_MESSAGE_ID_FLAG)
                properties.message_id.len = messageID.count
                properties.message_id.bytes = UnsafeMutableRawPointer(mutating: messageID.baseAddress)
            }
            ContentEncoder.header(&properties, bodySize: body.count, into: &output)
        }
        bodyFrames(body, into: &output)
    }

    private static func header(
        _ properties: inout amqp_basic_properties_t, bodySize: Int, into output: inout ByteBuffer
    ) {
        output.append(atLeast: 1024) { free in
            let offset = Frame.headerSize + propertiesOffset
            let target = amqp_bytes_t(len: free.count - offset - 1, bytes: free.baseAddress! + offset)
            let length = Int(amqp_encode_properties(UInt16(AMQP_BASIC_CLASS), &properties, target))
            precondition(length >= 0, "two short strings, an octet and a timestamp fit into 1024 octets")
            free[0] = FrameKind.header.rawValue
            free.storeBytes(of: FrameDecoder.channel.bigEndian, toByteOffset: 1, as: UInt16.self)
            free.storeBytes(of: UInt32(propertiesOffset + length).bigEndian, toByteOffset: 3, as: UInt32.self)
            free.storeBytes(of: UInt16(AMQP_BASIC_CLASS).bigEndian, toByteOffset: 7, as: UInt16.self)
            free.storeBytes(of: 0, toByteOffset: 9, as: UInt16.self)
            free.storeBytes(of: UInt64(bodySize).bigEndian, toByteOffset: 11, as: UInt64.self)
            free[offset + length] = Frame.end
            return offset + length + 1
        }
    }

    /// An empty body has no frame at all.
    private func bodyFrames(_ body: Span<UInt8>, into output: inout ByteBuffer) {
        let largest = frameMax - Frame.overhead
        var sent = 0
        while sent < body.count {
            let size = min(largest, body.count - sent)
            FrameEncoder.frame(.body, channel: FrameDecoder.channel, size: size, into: &output)
            output.append(body.extracting(sent..<(sent + size)))
            output.append(Frame.end)
            sent += size
        }
    }
}
