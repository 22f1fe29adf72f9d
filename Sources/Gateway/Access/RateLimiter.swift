import Bytes
import Synchronization

/// So many requests in so much time (`RATE_LIMIT`): `50/s`, `600/m`, `10000/h`.
public struct Rate: Sendable, Equatable {
    public let count: Int
    public let period: Duration

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), (1...1_000_000).contains(count) else { return nil }
        switch parts[1] {
        case "s": period = .seconds(1)
        case "m": period = .seconds(60)
        case "h": period = .seconds(3600)
        default: return nil
        }
        self.count = count
    }
}

/// Who asks too often, shared by all reactors: a token bucket for each client, in bounded memory however many there are.
///
/// A bucket is one number, the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371): when the bucket
/// will be full again. Clients have no entry of their own, which an attacker with many addresses could use up or push out:
/// each has two cells of two tables, found by its hash, and the less used of them counts (a count-min sketch with
/// conservative update). Strangers who share one cell rarely share the other; only when as many clients as there are cells
/// all use their whole rate is somebody held for another, and the gateway would long be at its end.
final class RateLimiter: Sendable {
    /// A client's cells are in one shard: reactors wait for each other only when their clients meet in one.
    private static let shards = 64
    /// Cells of a table in a shard: 2 MiB in all.
    private static let cells = 1 << 11

    private final class Shard: Sendable {
        /// Nanoseconds of the monotonic clock; the first table, and the second behind it.
        let arrivals = Mutex([Int64](repeating: 0, count: 2 * RateLimiter.cells))
    }

    /// Nanoseconds that a request costs.
    private let interval: Int64
    /// How full a bucket may be: one period's requests at once.
    private let burst: Int64
    private let shards = (0..<RateLimiter.shards).map { _ in Shard() }

    init(_ rate: Rate) {
        burst = rate.period.wholeNanoseconds
        interval = burst / Int64(rate.count)
    }

    /// Takes a token from the client's bucket.
    /// - Parameter client: what is known of it; equal for what is one client.
    /// - Returns: how long it has to wait for one; zero: it has it.
    func take(_ client: some Hashable, at now: Instant) -> Duration {
        var hasher = Hasher()
        hasher.combine(client)
        let hash = UInt(bitPattern: hasher.finalize())
        let first = Int(hash >> 16) % Self.cells
        let second = Self.cells + Int(hash >> 40) % Self.cells
        return shards[Int(hash % UInt(Self.shards))].arrivals.withLock { arrivals in
            let arrival = max(min(arrivals[first], arrivals[second]), now.nanoseconds) + interval
            let wait = arrival - burst - now.nanoseconds
            guard wait <= 0 else { return .nanoseconds(wait) }
            arrivals[first] = max(arrivals[first], arrival)
            arrivals[second] = max(arrivals[second], arrival)
            return .zero
        }
    }
}
