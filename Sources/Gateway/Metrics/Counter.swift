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
    /// Upper bounds (`le`) in the unit that is observed, and what one of that unit is in the unit that is shown.
    struct Scale: Sendable {
        let bounds: InlineArray<14, UInt64>
        let shown: [StaticString]
        let unit: Double

        /// Microseconds, shown as seconds.
        static let latency = Scale(
            bounds: [
                500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
                5_000_000,
                10_000_000,
            ],
            shown: [
                "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5",
                "10",
            ], unit: 1e-6)

        /// Scores.
        static let size = Scale(
            bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 4096, 16_384, 65_536],
            shown: [
                "1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1000", "4096", "16384", "65536",
            ], unit: 1)
    }

    private let counts = InlineArray<15, Counter> { _ in Counter() }
    private let total = Counter()

    /// - Parameter value: in the unit of the scale.
    borrowing func observe(_ value: Int, _ scale: borrowing Scale) {
        let value = UInt64(max(0, value))
        var bucket = 0
        while bucket < 14, value > scale.bounds[bucket] { bucket &+= 1 }
        counts[bucket].add()
        total.add(value)
    }

    /// Observations in a bucket, not cumulated; the last is of what is above all bounds.
    borrowing func count(_ bucket: Int) -> UInt64 { counts[bucket].load() }

    /// All of them together.
    borrowing func sum() -> UInt64 { total.load() }
}
