/// Anything the reactor calls. A class with overridable methods: one indirect call an event, without the box and the
/// reference counting of a closure or an existential.
open class Source {
    public init() {}

    /// The registered descriptor is ready. Level-triggered: what is left undone is reported again next turn.
    open func ready(_ readiness: Readiness) {}

    /// A timer of this source is due. `tag` is the one given to `schedule`.
    open func timerFired(_ tag: UInt32) {}

    /// The turn's events are handled and the reactor is about to sleep: the place for batched work.
    open func beforeSleep() {}

    /// The answer to `Reactor.resolve`: addresses in the resolver's order of preference, or why there are none.
    open func resolved(_ addresses: [SocketAddress], error: ResolveError?, tag: UInt32) {}
}
