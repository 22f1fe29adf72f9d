import HTTPServer
import Synchronization

/// Who waits for something to be stored.
struct WriteTicket: Equatable {
    let response: ResponseTicket
    /// Whether it is a batch, which is answered by what became of all of it.
    let isBatch: Bool
    /// nil for nearly all requests.
    let key: KeyedRequest?

    static func == (left: WriteTicket, right: WriteTicket) -> Bool {
        left.response == right.response && left.isBatch == right.isBatch && left.key === right.key
    }
}

/// A request with an `Idempotency-Key`, while it is being served.
final class KeyedRequest {
    let key: [UInt8]
    /// What tells its body from another: SHA-256. Empty until the body is complete.
    var fingerprint: [UInt8] = []

    init(key: [UInt8]) {
        self.key = key
    }
}

/// The keys of requests that this process is serving: a second request with one of them is answered 409. (One at another
/// process waits in the database for the first, and is then answered as the first was.)
final class RunningKeys: Sendable {
    private let keys = Mutex<[[UInt8]: ObjectIdentifier]>([:])

    /// - Returns: false when a request with this key is being served.
    func begin(_ request: KeyedRequest) -> Bool {
        keys.withLock { keys in
            guard keys[request.key] == nil else { return false }
            keys[request.key] = ObjectIdentifier(request)
            return true
        }
    }

    /// The request is over; saying so again does nothing.
    func end(_ request: KeyedRequest) {
        keys.withLock { keys in
            if keys[request.key] == ObjectIdentifier(request) { keys[request.key] = nil }
        }
    }
}
