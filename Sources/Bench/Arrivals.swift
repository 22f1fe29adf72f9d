import Bytes

/// When an open loop sends: at its rate, whether the server keeps up or not. Latency counts from these instants and not
/// from when the tool got round to sending, so a stall of the server is seen by all who would have come meanwhile
/// (no coordinated omission).
struct Arrivals: Equatable, Sendable {
    private let origin: Instant
    private let interval: Double
    private let burst: Int
    private var taken = 0

    /// - Parameters:
    ///   - rate: arrivals a second.
    ///   - burst: how many come at the same instant; the bursts are so much farther apart.
    ///   - phase: where between two bursts the first one stands, 0 ..< 1.
    init(rate: Double, burst: Int, from origin: Instant, phase: Double = 0) {
        precondition(rate > 0 && burst > 0, "an open loop has a rate")
        self.burst = burst
        interval = Double(burst) / rate * 1e9
        self.origin = Instant(nanoseconds: origin.nanoseconds + Int64(interval * phase))
    }

    /// When the next one is due.
    var next: Instant {
        Instant(nanoseconds: origin.nanoseconds + Int64(interval * Double(taken / burst)))
    }

    /// The next arrival if it is due.
    mutating func take(_ now: Instant) -> Instant? {
        let due = next
        guard due <= now else { return nil }
        taken += 1
        return due
    }
}
