import Bytes
import CRabbitMQ

/// The payload of a method frame as a `Method`:
///
///     0          2           4
///     +----------+-----------+- - - - - - -
///     | class-id | method-id | arguments…
///     +----------+-----------+- - - - - - -
///        short       short
///
/// The library reads the arguments; whatever is kept is copied out of its memory before that is used again.
struct MethodDecoder: ~Copyable {
    let arena = MethodArena()

    mutating func decode(_ payload: Span<UInt8>, channel: UInt16) throws(AMQPError) -> Method {
        precondition(payload.count >= 4, "a method frame is checked before")
        let id =
            UInt32(payload[0]) << 24 | UInt32(payload[1]) << 16 | UInt32(payload[2]) << 8 | UInt32(payload[3])
        // Connection methods belong to channel 0, all others to a channel (section 4.2.3).
        guard (id >> 16 == UInt32(AMQP_CONNECTION_CLASS)) == (channel == 0) else {
            throw .malformed("method \(MethodDecoder.name(id)) on channel \(channel)")
        }
        defer { arena.recycle() }
        let method = payload.extracting(4..<payload.count).withUnsafeBytes { bytes -> Method? in
            var decoded: UnsafeMutableRawPointer?
            let encoded = amqp_bytes_t(len: bytes.count, bytes: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            guard amqp_decode_method(id, arena.pool, encoded, &decoded) >= 0, let decoded else { return nil }
            return MethodDecoder.method(id, decoded)
        }
        guard let method else { throw .malformed("arguments of method \(MethodDecoder.name(id))") }
        return method
    }

    /// The specification's name, as in `basic.ack`'s id 60.80.
    private static func name(_ id: UInt32) -> String { "\(id >> 16).\(id & 0xFFFF)" }

    private static func method(_ id: UInt32, _ decoded: UnsafeMutableRawPointer) -> Method {
        switch id {
        case AMQP_BASIC_DELIVER_METHOD:
            let method = decoded.load(as: amqp_basic_deliver_t.self)
            return .basicDeliver(tag: method.delivery_tag, redelivered: method.redelivered != 0)
        case AMQP_BASIC_ACK_METHOD:
            let method = decoded.load(as: amqp_basic_ack_t.self)
            return .basicAck(tag: method.delivery_tag, multiple: method.multiple != 0)
        case AMQP_BASIC_NACK_METHOD:
            let method = decoded.load(as: amqp_basic_nack_t.self)
            return .basicNack(tag: method.delivery_tag, multiple: method.multiple != 0, requeue: method.requeue != 0)
        case AMQP_BASIC_REJECT_METHOD:
            let method = decoded.load(as: amqp_basic_reject_t.self)
            return .basicReject(tag: method.delivery_tag, requeue: method.requeue != 0)
        case AMQP_BASIC_PUBLISH_METHOD:
            let method = decoded.load(as: amqp_basic_publish_t.self)
            return .basicPublish(exchange: String(method.exchange), routingKey: String(method.routing_key))
        case AMQP_BASIC_RETURN_METHOD:
            let method = decoded.load(as: amqp_basic_return_t.self)
            return .basicReturn(Reply(code: method.reply_code, text: String(method.reply_text)))
        case AMQP_BASIC_QOS_METHOD:
            return .basicQoS(prefetch: decoded.load(as: amqp_basic_qos_t.self).prefetch_count)
        case AMQP_BASIC_QOS_OK_METHOD: return .basicQoSOK
        case AMQP_BASIC_CONSUME_METHOD:
            let method = decoded.load(as: amqp_basic_consume_t.self)
            return .basicConsume(queue: String(method.queue), noAck: method.no_ack != 0)
        case AMQP_BASIC_CONSUME_OK_METHOD:
            return .basicConsumeOK(consumerTag: String(decoded.load(as: amqp_basic_consume_ok_t.self).consumer_tag))
        case AMQP_BASIC_CANCEL_METHOD:
            let method = decoded.load(as: amqp_basic_cancel_t.self)
            return .basicCancel(consumerTag: String(method.consumer_tag), noWait: method.nowait != 0)
        case AMQP_BASIC_CANCEL_OK_METHOD:
            return .basicCancelOK(consumerTag: String(decoded.load(as: amqp_basic_cancel_ok_t.self).consumer_tag))
        case AMQP_CONFIRM_SELECT_METHOD: return .confirmSelect
        case AMQP_CONFIRM_SELECT_OK_METHOD: return .confirmSelectOK
        default: return declaration(id, decoded)
        }
    }

    private static func declaration(_ id: UInt32, _ decoded: UnsafeMutableRawPointer) -> Method {
        switch id {
        case AMQP_EXCHANGE_DECLARE_METHOD:
            let method = decoded.load(as: amqp_exchange_declare_t.self)
            return .exchangeDeclare(
                name: String(method.exchange), type: String(method.type), passive: method.passive != 0,
                durable: method.durable != 0)
        case AMQP_EXCHANGE_DECLARE_OK_METHOD: return .exchangeDeclareOK
        case AMQP_QUEUE_DECLARE_METHOD:
            let method = decoded.load(as: amqp_queue_declare_t.self)
            return .queueDeclare(
                name: String(method.queue), passive: method.passive != 0, durable: method.durable != 0,
                exclusive: method.exclusive != 0, autoDelete: method.auto_delete != 0,
                arguments: [Field](method.arguments))
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            let method = decoded.load(as: amqp_queue_declare_ok_t.self)
            return .queueDeclareOK(name: String(method.queue), consumers: method.consumer_count)
        case AMQP_QUEUE_BIND_METHOD:
            let method = decoded.load(as: amqp_queue_bind_t.self)
            return .queueBind(queue: String(method.queue), exchange: String(method.exchange))
        case AMQP_QUEUE_BIND_OK_METHOD: return .queueBindOK
        case AMQP_CHANNEL_OPEN_METHOD: return .channelOpen
        case AMQP_CHANNEL_OPEN_OK_METHOD: return .channelOpenOK
        case AMQP_CHANNEL_FLOW_METHOD:
            return .channelFlow(active: decoded.load(as: amqp_channel_flow_t.self).active != 0)
        case AMQP_CHANNEL_FLOW_OK_METHOD:
            return .channelFlowOK(active: decoded.load(as: amqp_channel_flow_ok_t.self).active != 0)
        case AMQP_CHANNEL_CLOSE_METHOD:
            let method = decoded.load(as: amqp_channel_close_t.self)
            return .channelClose(Reply(code: method.reply_code, text: String(method.reply_text)))
        case AMQP_CHANNEL_CLOSE_OK_METHOD: return .channelCloseOK
        default: return connection(id, decoded)
        }
    }

    private static func connection(_ id: UInt32, _ decoded: UnsafeMutableRawPointer) -> Method {
        switch id {
        case AMQP_CONNECTION_START_METHOD:
            let method = decoded.load(as: amqp_connection_start_t.self)
            return .connectionStart(
                version: ProtocolVersion(major: method.version_major, minor: method.version_minor),
                serverProperties: [Field](method.server_properties), mechanisms: String(method.mechanisms))
        case AMQP_CONNECTION_START_OK_METHOD:
            let method = decoded.load(as: amqp_connection_start_ok_t.self)
            return .connectionStartOK(
                clientProperties: [Field](method.client_properties), mechanism: String(method.mechanism),
                response: String(method.response))
        case AMQP_CONNECTION_TUNE_METHOD:
            let method = decoded.load(as: amqp_connection_tune_t.self)
            return .connectionTune(
                Tuning(channelMax: method.channel_max, frameMax: method.frame_max, heartbeat: method.heartbeat))
        case AMQP_CONNECTION_TUNE_OK_METHOD:
            let method = decoded.load(as: amqp_connection_tune_ok_t.self)
            return .connectionTuneOK(
                Tuning(channelMax: method.channel_max, frameMax: method.frame_max, heartbeat: method.heartbeat))
        case AMQP_CONNECTION_OPEN_METHOD:
            return .connectionOpen(virtualHost: String(decoded.load(as: amqp_connection_open_t.self).virtual_host))
        case AMQP_CONNECTION_OPEN_OK_METHOD: return .connectionOpenOK
        case AMQP_CONNECTION_CLOSE_METHOD:
            let method = decoded.load(as: amqp_connection_close_t.self)
            return .connectionClose(Reply(code: method.reply_code, text: String(method.reply_text)))
        case AMQP_CONNECTION_CLOSE_OK_METHOD: return .connectionCloseOK
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return .connectionBlocked(reason: String(decoded.load(as: amqp_connection_blocked_t.self).reason))
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .connectionUnblocked
        default: return .other(id)
        }
    }
}
