import TLS

/// Why there is no connection, no channel, or no topology. Texts are the broker's or the system's own words.
public enum AMQPError: Error, Equatable, Sendable {
    /// No address, or no TCP connection.
    case unreachable(String)
    /// No TLS, or not with whom we asked for.
    case untrusted(TLSError)
    /// A step took too long.
    case timeout(String)
    /// The TCP connection broke.
    case lost(String)
    /// Nothing came from the broker for two heartbeat intervals (section 4.2.7).
    case silent
    /// Wrong user or password (403 while logging in).
    case accessRefused(String)
    /// The virtual host does not exist, or the user may not use it (530 while opening).
    case virtualHost(String)
    /// An exchange of that name exists with another type.
    case exchangeType(String)
    /// The broker refused to declare or bind what the topology asks for.
    case topology(code: UInt16, text: String)
    /// The broker closed the channel while it was in use; it is opened again.
    case channelClosed(code: UInt16, text: String)
    /// The broker closed the connection.
    case connectionClosed(code: UInt16, text: String)
    /// The broker ended the consumer, because its queue is gone; both are declared again.
    case consumerCancelled
    /// The peer does not speak AMQP 0-9-1, or not well.
    case malformed(String)
    /// The deliveries were handed back, as asked for by `handBackDeliveries`; they are consumed again.
    case handedBack
    /// A delivery longer than `Limits.body`.
    case bodyTooLarge(UInt64)
    /// Asked for something this client does not do.
    case unsupported(String)
    /// Closed from this side.
    case closed

    /// Whether only people can change it, so that trying again soon is of no use.
    public var isLasting: Bool {
        switch self {
        case .accessRefused, .virtualHost, .exchangeType, .unsupported: true
        // 404 heals by declaring anew (somebody deleted what we declared); 403, 405, 406 do not.
        case .untrusted(let error): error.isUntrusted
        case .topology(let code, _): code != ReplyCode.notFound
        default: false
        }
    }

    /// The reply code to close the connection with, or nil when there is nobody to tell.
    var replyCode: UInt16? {
        switch self {
        case .malformed: ReplyCode.frameError
        case .unsupported: ReplyCode.notImplemented
        case .unreachable, .untrusted, .lost, .silent, .connectionClosed, .accessRefused, .virtualHost: nil
        case .timeout, .exchangeType, .topology, .channelClosed, .consumerCancelled, .handedBack, .bodyTooLarge,
            .closed:
            ReplyCode.success
        }
    }
}

extension AMQPError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreachable(let text): "broker not reached: \(text)"
        case .untrusted(let error): "no TLS with the broker: \(error)"
        case .timeout(let step): "broker took too long: \(step)"
        case .lost(let text): "connection to the broker lost: \(text)"
        case .silent: "connection to the broker lost: no heartbeat"
        case .accessRefused(let text): "broker refuses user or password: \(text)"
        case .virtualHost(let text): "broker refuses the virtual host: \(text)"
        case .exchangeType(let text): "the exchange exists with another type: \(text)"
        case .topology(let code, let text): "broker refuses the topology: \(code) \(text)"
        case .channelClosed(let code, let text): "broker closed the channel: \(code) \(text)"
        case .connectionClosed(let code, let text): "broker closed the connection: \(code) \(text)"
        case .consumerCancelled: "broker cancelled the consumer: its queue is gone"
        case .malformed(let text): "broker does not keep to AMQP 0-9-1: \(text)"
        case .handedBack: "deliveries handed back to the broker"
        case .bodyTooLarge(let size): "message of \(size) bytes dropped: over the limit of \(Limits.body)"
        case .unsupported(let text): "not supported: \(text)"
        case .closed: "connection to the broker closed"
        }
    }
}

/// Reply codes of AMQP 0-9-1 (section 1.2) that matter to a client.
package enum ReplyCode {
    package static let success: UInt16 = 200
    package static let invalidPath: UInt16 = 402
    package static let accessRefused: UInt16 = 403
    package static let notFound: UInt16 = 404
    package static let preconditionFailed: UInt16 = 406
    package static let frameError: UInt16 = 501
    package static let notAllowed: UInt16 = 530
    package static let notImplemented: UInt16 = 540
}
