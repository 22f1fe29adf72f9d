import Reactor

/// The addresses of a service: who connects takes the one that worked last, and the next one where it does not work
/// (`localhost` is ::1 before 127.0.0.1, and many a server listens on the latter alone).
struct AddressList: Sendable {
    /// One who connects: which address it tries, and the how manieth of them.
    struct Attempt: Equatable, Sendable {
        fileprivate var place = 0
        fileprivate var count = 0
    }

    private let addresses: [SocketAddress]
    private var place = 0

    init(_ addresses: [SocketAddress]) {
        self.addresses = addresses
    }

    /// Where to connect to now.
    func next(_ attempt: inout Attempt) -> SocketAddress {
        attempt.place = place
        attempt.count += 1
        return addresses[place]
    }

    /// The connect came to nothing: those that follow take another address. Of many who tried the same one, the first
    /// moves on for all.
    /// - Returns: whether there is an address that this attempt has not tried; else it begins anew.
    mutating func failed(_ attempt: inout Attempt) -> Bool {
        if attempt.place == place { place = (place + 1) % addresses.count }
        if attempt.count < addresses.count { return true }
        attempt.count = 0
        return false
    }

    /// The connect succeeded.
    func worked(_ attempt: inout Attempt) {
        attempt.count = 0
    }
}
