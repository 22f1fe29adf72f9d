import Bytes
import Reactor

/// A connection the server keeps in its slab and looks at once a second.
open class ServerConnection: StreamHandler {
    /// The server's name for it. Set when it enters the slab.
    public internal(set) var token = Token.none

    /// Once a second: deadlines.
    open func sweep(_ now: Instant) {}

    /// The server is draining: end as soon as it can be done properly.
    open func drain() {}

    /// It has had to wait for its next turn (`HTTPServer.yield`).
    open func goOn() {}

    /// Memory that it holds for its client: of what came and is not dealt with, of what is made and not sent.
    open var heldBytes: Int { 0 }

    /// Once a second, or when memory is short: gives back what it keeps for what comes next.
    open func giveBack() {}

    /// Whether it is one of those who are let go when all together hold too much.
    open func mayBeShed(_ now: Instant) -> Bool { false }

    /// Lets go of what it holds.
    open func shed() {}
}
