/// A method of AMQP 0-9-1 (section 1.3 on), with those of its arguments that a client like ours has a use for.
/// One vocabulary for both directions: what one side encodes, the other decodes.
enum Method: Equatable, Sendable {
    case connectionStart(version: ProtocolVersion, serverProperties: [Field], mechanisms: String)
    case connectionStartOK(clientProperties: [Field], mechanism: String, response: String)
    case connectionTune(Tuning)
    case connectionTuneOK(Tuning)
    case connectionOpen(virtualHost: String)
    case connectionOpenOK
    case connectionClose(Reply)
    case connectionCloseOK
    case connectionBlocked(reason: String)
    case connectionUnblocked
    case channelOpen
    case channelOpenOK
    case channelFlow(active: Bool)
    case channelFlowOK(active: Bool)
    case channelClose(Reply)
    case channelCloseOK
    case confirmSelect
    case confirmSelectOK
    case exchangeDeclare(name: String, type: String, passive: Bool, durable: Bool)
    case exchangeDeclareOK
    case queueDeclare(
        name: String, passive: Bool, durable: Bool, exclusive: Bool, autoDelete: Bool, arguments: [Field])
    case queueDeclareOK(name: String, consumers: UInt32)
    case queueBind(queue: String, exchange: String)
    case queueBindOK
    case basicQoS(prefetch: UInt16)
    case basicQoSOK
    case basicConsume(queue: String, noAck: Bool)
    case basicConsumeOK(consumerTag: String)
    case basicCancel(consumerTag: String, noWait: Bool)
    case basicCancelOK(consumerTag: String)
    case basicPublish(exchange: String, routingKey: String)
    case basicReturn(Reply)
    case basicDeliver(tag: UInt64, redelivered: Bool)
    case basicAck(tag: UInt64, multiple: Bool)
    case basicNack(tag: UInt64, multiple: Bool, requeue: Bool)
    case basicReject(tag: UInt64, requeue: Bool)
    /// A method of the protocol that has no place here.
    case other(UInt32)
}

struct ProtocolVersion: Equatable, Sendable {
    var major: UInt8 = 0
    var minor: UInt8 = 9
}

/// What both sides agree on (connection.tune, section 1.4.2.5). 0 means no limit, or no heartbeat.
struct Tuning: Equatable, Sendable {
    var channelMax: UInt16
    var frameMax: UInt32
    /// Seconds.
    var heartbeat: UInt16
}

/// Why something is closed or returned.
struct Reply: Equatable, Sendable {
    var code: UInt16
    var text: String
}

/// A named value of a field table (section 4.2.5.5).
struct Field: Equatable, Sendable {
    let name: String
    let value: FieldValue

    init(_ name: String, _ value: FieldValue) {
        self.name = name
        self.value = value
    }
}

indirect enum FieldValue: Equatable, Sendable {
    case text(String)
    case flag(Bool)
    case integer(Int32)
    case table([Field])
}
