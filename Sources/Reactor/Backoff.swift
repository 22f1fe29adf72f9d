/// Waiting times between tries: none before the first, then doubling from `first` to `limit`, each with jitter of a
/// half, so that a fleet which lost the same server does not come back in one beat.
public struct Backoff: Sendable {
    private let first: Duration
    private let limit: Duration
    private var step: Duration = .zero

    public init(first: Duration = .milliseconds(100), limit: Duration = .seconds(5)) {
        self.first = first
        self.limit = limit
    }

    /// The wait before the next try.
    public mutating func next() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return next(using: &generator)
    }

    public mutating func next<G: RandomNumberGenerator>(using generator: inout G) -> Duration {
        let wait = step == .zero ? .zero : step / 2 + (step / 2) * Double.random(in: 0...1, using: &generator)
        step = step == .zero ? first : min(step * 2, limit)
        return wait
    }

    /// The connection stood: the next failure starts from the beginning.
    public mutating func reset() {
        step = .zero
    }
}
