/// What a loop did: how many turns, and for how long. A turn that takes long is how late everything else is.
public struct ReactorLoad: Sendable {
    /// The bounds of `turnsByLength`, in microseconds; the last count is of all that are longer.
    public static let bounds: InlineArray<8, Int64> = [100, 500, 1000, 5000, 10_000, 50_000, 100_000, 500_000]

    public private(set) var turns: UInt64 = 0
    /// Not waiting for events.
    public private(set) var busyNanoseconds: UInt64 = 0
    public private(set) var turnsByLength = InlineArray<9, UInt64>(repeating: 0)

    @inline(__always) mutating func turned(nanoseconds: Int64) {
        turns &+= 1
        busyNanoseconds &+= UInt64(truncatingIfNeeded: nanoseconds)
        let microseconds = nanoseconds / 1000
        var bucket = 0
        while bucket < 8, microseconds > ReactorLoad.bounds[bucket] { bucket &+= 1 }
        turnsByLength[bucket] &+= 1
    }
}
