import HTTP1
import WebSocket

/// Why the server ended a connection that its client would have kept: for those who count.
public enum ConnectionEnd: Int, CaseIterable, Sendable {
    /// A head that was not complete in time (408).
    case slowHead
    /// A body slower than `HTTPServerLimits.slowestBody` (408).
    case slowBody
    /// Nothing was asked for longer than the idle timeout.
    case idle
    /// It took nothing of what waits for it for longer than `HTTPServerLimits.writeStall`.
    case stalled
    /// A WebSocket without a sign of life.
    case silent
    /// A target, head, body or message over its limit (413, 414, 431; 1009).
    case tooLarge
    /// What is no HTTP (400, 501, 505 …), or no WebSocket (1002, 1007).
    case malformed
    /// All of them together held more than the server may, and this one was among those who held most.
    case memory

    /// The value of the label `reason`.
    public var label: StaticString {
        switch self {
        case .slowHead: "slow_head"
        case .slowBody: "slow_body"
        case .idle: "idle"
        case .stalled: "stalled"
        case .silent: "silent"
        case .tooLarge: "too_large"
        case .malformed: "malformed"
        case .memory: "memory"
        }
    }

    /// What a request was refused for, after which nothing is read.
    init(_ error: HTTPError) {
        switch error {
        case .contentTooLarge, .targetTooLong, .headTooLarge, .tooManyFields, .trailersTooLarge: self = .tooLarge
        default: self = .malformed
        }
    }

    init(_ error: WebSocketError) {
        self = error.closeCode == .messageTooBig ? .tooLarge : .malformed
    }
}

/// Why a connection was not taken.
public enum ConnectionRefusal: Int, CaseIterable, Sendable {
    /// There are as many as there may be (503).
    case full
    /// Of its address there are as many as there may be (429).
    case address
    /// The process has no descriptor left. It waits in the backlog.
    case descriptors
}
