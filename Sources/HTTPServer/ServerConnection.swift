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
}
