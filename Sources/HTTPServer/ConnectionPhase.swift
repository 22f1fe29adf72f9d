import Bytes

/// What a connection waits for, and since when: what its deadlines go by.
struct ConnectionPhase {
    enum Kind {
        case idle
        case head
        case body
    }

    private(set) var kind = Kind.idle
    private var began: Instant
    private var pausedSince: Instant?

    init(_ now: Instant) {
        began = now
    }

    mutating func enter(_ kind: Kind, _ now: Instant) {
        self.kind = kind
        began = now
    }

    /// The same when it is another one; else its time goes on.
    mutating func remain(in kind: Kind, _ now: Instant) {
        if self.kind != kind { enter(kind, now) }
    }

    /// How long it has lasted, pauses left out.
    func age(_ now: Instant) -> Duration {
        (pausedSince ?? now) - began
    }

    /// Whether a body waits for us and not for the client.
    var isPaused: Bool { pausedSince != nil }

    mutating func pause(_ now: Instant) {
        if pausedSince == nil { pausedSince = now }
    }

    mutating func resume(_ now: Instant) {
        guard let since = pausedSince else { return }
        pausedSince = nil
        began = began + (now - since)
    }
}
