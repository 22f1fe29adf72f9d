import Bytes
import CRabbitMQ

/// Writes methods as frames. The library encodes the arguments; the frame around them is ours, because its own encoder
/// of frames wants to own the socket (and blocks on it):
///
///     +---+---------+------+----------+-----------+- - - - - -+------+
///     | 1 | channel | size | class-id | method-id | arguments | 0xCE |
///     +---+---------+------+----------+-----------+- - - - - -+------+
///     0   1         3      7          9           11
struct FrameEncoder: ~Copyable {
    let arena = MethodArena()

    /// "AMQP", 0, and version 0-9-1: the first bytes of a connection (section 4.2.2).
    static let protocolHeader: StaticString = "AMQP\u{0}\u{0}\u{9}\u{1}"

    static func heartbeat(into output: inout ByteBuffer) {
        frame(.heartbeat, channel: 0, size: 0, into: &output)
        output.append(Frame.end)
    }

    /// The seven octets in front of a payload.
    static func frame(_ kind: FrameKind, channel: UInt16, size: Int, into output: inout ByteBuffer) {
        output.append(atLeast: Frame.headerSize) { free in
            free[0] = kind.rawValue
            free.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
            free.storeBytes(of: UInt32(size).bigEndian, toByteOffset: 3, as: UInt32.self)
            return Frame.headerSize
        }
    }

    /// - Throws: `.unsupported` when an argument does not fit, such as a name over 255 bytes; nothing is written then.
    mutating func append(_ method: Method, channel: UInt16, into output: inout ByteBuffer) throws(AMQPError) {
        defer { arena.recycle() }
        switch method {
        case .basicAck(let tag, let multiple):
            let arguments = amqp_basic_ack_t(delivery_tag: tag, multiple: multiple ? 1 : 0)
            try write(AMQP_BASIC_ACK_METHOD, arguments, channel, into: &output)
        case .basicNack(let tag, let multiple, let requeue):
            let arguments = amqp_basic_nack_t(
                delivery_tag: tag, multiple: multiple ? 1 : 0, requeue: requeue ? 1 : 0)
            try write(AMQP_BASIC_NACK_METHOD, arguments, channel, into: &output)
        case .basicReject(let tag, let requeue):
            let arguments = amqp_basic_reject_t(delivery_tag: tag, requeue: requeue ? 1 : 0)
            try write(AMQP_BASIC_REJECT_METHOD, arguments, channel, into: &output)
        case .basicPublish(let exchange, let routingKey):
            var arguments = amqp_basic_publish_t()
            arguments.exchange = arena.bytes(exchange)
            arguments.routing_key = arena.bytes(routingKey)
            try write(AMQP_BASIC_PUBLISH_METHOD, arguments, channel, into: &output)
        case .basicReturn(let reply):
            var arguments = amqp_basic_return_t()
            arguments.reply_code = reply.code
            arguments.reply_text = arena.bytes(reply.text)
            try write(AMQP_BASIC_RETURN_METHOD, arguments, channel, into: &output)
        case .basicDeliver(let tag, let redelivered):
            var arguments = amqp_basic_deliver_t()
            arguments.delivery_tag = tag
            arguments.redelivered = redelivered ? 1 : 0
            try write(AMQP_BASIC_DELIVER_METHOD, arguments, channel, into: &output)
        case .basicQoS(let prefetch):
            let arguments = amqp_basic_qos_t(prefetch_size: 0, prefetch_count: prefetch, global: 0)
            try write(AMQP_BASIC_QOS_METHOD, arguments, channel, into: &output)
        case .basicQoSOK: try write(AMQP_BASIC_QOS_OK_METHOD, amqp_basic_qos_ok_t(), channel, into: &output)
        case .basicConsume(let queue, let noAck):
            var arguments = amqp_basic_consume_t()
            arguments.queue = arena.bytes(queue)
            arguments.no_ack = noAck ? 1 : 0
            try write(AMQP_BASIC_CONSUME_METHOD, arguments, channel, into: &output)
        case .basicConsumeOK(let tag):
            let arguments = amqp_basic_consume_ok_t(consumer_tag: arena.bytes(tag))
            try write(AMQP_BASIC_CONSUME_OK_METHOD, arguments, channel, into: &output)
        case .basicCancel(let tag, let noWait):
            let arguments = amqp_basic_cancel_t(consumer_tag: arena.bytes(tag), nowait: noWait ? 1 : 0)
            try write(AMQP_BASIC_CANCEL_METHOD, arguments, channel, into: &output)
        case .basicCancelOK(let tag):
            let arguments = amqp_basic_cancel_ok_t(consumer_tag: arena.bytes(tag))
            try write(AMQP_BASIC_CANCEL_OK_METHOD, arguments, channel, into: &output)
        case .confirmSelect:
            try write(AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t(), channel, into: &output)
        case .confirmSelectOK:
            try write(AMQP_CONFIRM_SELECT_OK_METHOD, amqp_confirm_select_ok_t(), channel, into: &output)
        default: try appendDeclaration(method, channel, into: &output)
        }
    }

    private func appendDeclaration(
        _ method: Method, _ channel: UInt16, into output: inout ByteBuffer
    ) throws(AMQPError) {
        switch method {
        case .exchangeDeclare(let name, let type, let passive, let durable):
            var arguments = amqp_exchange_declare_t()
            arguments.exchange = arena.bytes(name)
            arguments.type = arena.bytes(type)
            arguments.passive = passive ? 1 : 0
            arguments.durable = durable ? 1 : 0
            try write(AMQP_EXCHANGE_DECLARE_METHOD, arguments, channel, into: &output)
        case .exchangeDeclareOK:
            try write(AMQP_EXCHANGE_DECLARE_OK_METHOD, amqp_exchange_declare_ok_t(), channel, into: &output)
        case .queueDeclare(let name, let passive, let durable, let exclusive, let autoDelete, let fields):
            var arguments = amqp_queue_declare_t()
            arguments.queue = arena.bytes(name)
            arguments.passive = passive ? 1 : 0
            arguments.durable = durable ? 1 : 0
            arguments.exclusive = exclusive ? 1 : 0
            arguments.auto_delete = autoDelete ? 1 : 0
            arguments.arguments = arena.table(fields)
            try write(AMQP_QUEUE_DECLARE_METHOD, arguments, channel, into: &output)
        case .queueDeclareOK(let name, let consumers):
            var arguments = amqp_queue_declare_ok_t()
            arguments.queue = arena.bytes(name)
            arguments.consumer_count = consumers
            try write(AMQP_QUEUE_DECLARE_OK_METHOD, arguments, channel, into: &output)
        case .queueBind(let queue, let exchange):
            var arguments = amqp_queue_bind_t()
            arguments.queue = arena.bytes(queue)
            arguments.exchange = arena.bytes(exchange)
            try write(AMQP_QUEUE_BIND_METHOD, arguments, channel, into: &output)
        case .queueBindOK: try write(AMQP_QUEUE_BIND_OK_METHOD, amqp_queue_bind_ok_t(), channel, into: &output)
        case .channelOpen: try write(AMQP_CHANNEL_OPEN_METHOD, amqp_channel_open_t(), channel, into: &output)
        case .channelOpenOK: try write(AMQP_CHANNEL_OPEN_OK_METHOD, amqp_channel_open_ok_t(), channel, into: &output)
        case .channelFlow(let active):
            let arguments = amqp_channel_flow_t(active: active ? 1 : 0)
            try write(AMQP_CHANNEL_FLOW_METHOD, arguments, channel, into: &output)
        case .channelFlowOK(let active):
            let arguments = amqp_channel_flow_ok_t(active: active ? 1 : 0)
            try write(AMQP_CHANNEL_FLOW_OK_METHOD, arguments, channel, into: &output)
        case .channelClose(let reply):
            var arguments = amqp_channel_close_t()
            arguments.reply_code = reply.code
            arguments.reply_text = arena.bytes(reply.text)
            try write(AMQP_CHANNEL_CLOSE_METHOD, arguments, channel, into: &output)
        case .channelCloseOK:
            try write(AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t(), channel, into: &output)
        default: try appendConnection(method, channel, into: &output)
        }
    }

    private func appendConnection(
        _ method: Method, _ channel: UInt16, into output: inout ByteBuffer
    ) throws(AMQPError) {
        switch method {
        case .connectionStart(let version, let properties, let mechanisms):
            var arguments = amqp_connection_start_t()
            arguments.version_major = version.major
            arguments.version_minor = version.minor
            arguments.server_properties = arena.table(properties)
            arguments.mechanisms = arena.bytes(mechanisms)
            arguments.locales = arena.bytes("en_US")
            try write(AMQP_CONNECTION_START_METHOD, arguments, channel, into: &output)
        case .connectionStartOK(let properties, let mechanism, let response):
            let arguments = amqp_connection_start_ok_t(
                client_properties: arena.table(properties), mechanism: arena.bytes(mechanism),
                response: arena.bytes(response), locale: arena.bytes("en_US"))
            try write(AMQP_CONNECTION_START_OK_METHOD, arguments, channel, into: &output)
        case .connectionTune(let tuning):
            let arguments = amqp_connection_tune_t(
                channel_max: tuning.channelMax, frame_max: tuning.frameMax, heartbeat: tuning.heartbeat)
            try write(AMQP_CONNECTION_TUNE_METHOD, arguments, channel, into: &output)
        case .connectionTuneOK(let tuning):
            let arguments = amqp_connection_tune_ok_t(
                channel_max: tuning.channelMax, frame_max: tuning.frameMax, heartbeat: tuning.heartbeat)
            try write(AMQP_CONNECTION_TUNE_OK_METHOD, arguments, channel, into: &output)
        case .connectionOpen(let virtualHost):
            var arguments = amqp_connection_open_t()
            arguments.virtual_host = arena.bytes(virtualHost)
            try write(AMQP_CONNECTION_OPEN_METHOD, arguments, channel, into: &output)
        case .connectionOpenOK:
            try write(AMQP_CONNECTION_OPEN_OK_METHOD, amqp_connection_open_ok_t(), channel, into: &output)
        case .connectionClose(let reply):
            var arguments = amqp_connection_close_t()
            arguments.reply_code = reply.code
            arguments.reply_text = arena.bytes(reply.text)
            try write(AMQP_CONNECTION_CLOSE_METHOD, arguments, channel, into: &output)
        case .connectionCloseOK:
            try write(AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t(), channel, into: &output)
        case .connectionBlocked(let reason):
            let arguments = amqp_connection_blocked_t(reason: arena.bytes(reason))
            try write(AMQP_CONNECTION_BLOCKED_METHOD, arguments, channel, into: &output)
        case .connectionUnblocked:
            try write(AMQP_CONNECTION_UNBLOCKED_METHOD, amqp_connection_unblocked_t(), channel, into: &output)
        default: preconditionFailure("a method that has no place here is not sent")
        }
    }

    /// What precedes the arguments: the frame's header, class and method.
    private static let argumentsOffset = Frame.headerSize + 4

    private func write<Arguments>(
        _ id: amqp_method_number_t, _ arguments: Arguments, _ channel: UInt16, into output: inout ByteBuffer
    ) throws(AMQPError) {
        var arguments = arguments
        var isEncoded = false
        withUnsafeMutablePointer(to: &arguments) { arguments in
            output.append(atLeast: Limits.smallestFrame) { free in
                let room = Limits.smallestFrame - FrameEncoder.argumentsOffset - 1
                let target = amqp_bytes_t(len: room, bytes: free.baseAddress! + FrameEncoder.argumentsOffset)
                let length = Int(amqp_encode_method(id, arguments, target))
                guard length >= 0 else { return 0 }
                isEncoded = true
                free[0] = FrameKind.method.rawValue
                free.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
                free.storeBytes(of: UInt32(length + 4).bigEndian, toByteOffset: 3, as: UInt32.self)
                free.storeBytes(of: id.bigEndian, toByteOffset: Frame.headerSize, as: UInt32.self)
                free[FrameEncoder.argumentsOffset + length] = Frame.end
                return FrameEncoder.argumentsOffset + length + 1
            }
        }
        guard isEncoded else { throw .unsupported("a name or credential longer than AMQP allows") }
    }
}
