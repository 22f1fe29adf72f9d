import Synchronization

/// A count that one thread writes and any may read: a plain add, no locked instruction.
struct Counter: ~Copyable {
    private let value = Atomic<UInt64>(0)

    /// By the owning thread only.
    @inline(__always) borrowing func add(_ amount: UInt64 = 1) {
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// By the owning thread only.
    @inline(__always) borrowing func store(_ amount: UInt64) {
        value.store(amount, ordering: .relaxed)
    }

    borrowing func load() -> UInt64 {
        value.load(ordering: .relaxed)
    }
}

/// Observations by size, with the bounds of `Scale`: some compares and three plain adds, by the owning thread only.
struct Histogram: ~Copyable {
    /// What is observed, and its upper bounds (`le`).
    enum Scale {
        /// Microseconds, shown as seconds.
        case latency
        /// Scores.
        case size

        /// What one of what is observed is in the unit that is shown.
        var unit: Double { self == .latency ? 1e-6 : 1 }

        /// The bounds as they are shown.
        var bounds: [StaticString] {
            switch self {
            case .latency:
                [
                    "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5",
                    "5",
                    "10",
                ]
            case .size:
                ["1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1000", "4096", "16384", "65536"]
            }
        }

        /// Where a value is counted: the first bound that is not below it. Nearly all are at the front.
        @inline(__always) func bucket(_ value: UInt64) -> Int {
            switch self {
            case .latency:
                if value <= 500 { return 0 }
                let bounds: InlineArray<13, UInt64> = [
                    1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
                    5_000_000, 10_000_000,
                ]
                for index in 0..<13 where value <= bounds[index] { return index + 1 }
                return 14
            case .size:
                let power = value <= 1 ? 0 : 64 - (value - 1).leadingZeroBitCount
                if power <= 9 { return power }
                return value <= 1000 ? 10 : value <= 4096 ? 11 : value <= 16_384 ? 12 : value <= 65_536 ? 13 : 14
            }
        }
    }

    private let counts = InlineArray<15, Counter> { _ in Counter() }
    private let total = Counter()

    /// - Parameter value: in the unit of the scale.
    @inline(__always) borrowing func observe(_ value: Int, _ scale: Scale) {
        let value = UInt64(max(0, value))
        counts[scale.bucket(value)].add()
        total.add(value)
    }

    /// Observations in a bucket, not cumulated; the last is of what is above all bounds.
    borrowing func count(_ bucket: Int) -> UInt64 { counts[bucket].load() }

    /// All of them together.
    borrowing func sum() -> UInt64 { total.load() }
}
