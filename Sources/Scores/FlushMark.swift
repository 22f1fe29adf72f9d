import Bytes

/// The name of one flush: a UUID of version 7 (RFC 9562, section 5.7), so that flushes sort by the time they were made.
///
///     48 bits: milliseconds since 1970 │ 7 │ 12 bits: counter │ 2 │ 62 bits: random
///
/// It stands in the flush's outbox row, which is the mark by which the flush is found out when its answer was lost, and
/// in the message ids of what is published of it.
public struct FlushMark: Hashable, Sendable, Comparable {
    /// The first and the last eight bytes, as numbers in network byte order.
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter bytes: the sixteen bytes of a `uuid` in binary format.
    public init(_ bytes: Span<UInt8>) {
        precondition(bytes.count == 16, "a UUID has sixteen bytes")
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 { words.0 = words.0 << 8 | UInt64(bytes[index]) }
        for index in 8..<16 { words.1 = words.1 << 8 | UInt64(bytes[index]) }
        self.init(high: words.0, low: words.1)
    }

    /// Milliseconds since it was made, for it begins with the time; 0 when that is yet to come.
    /// - Parameter unixSeconds: the wall clock.
    public func age(at unixSeconds: Int64) -> UInt64 {
        let now = UInt64(max(0, unixSeconds)) * 1000
        return now - min(now, high >> 16)
    }

    public static func < (left: FlushMark, right: FlushMark) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// Makes marks, each greater than the one before, also when the clock stands or steps back (RFC 9562, section 6.2,
/// method 1: a counter).
public struct FlushMarkSource: Sendable {
    private var milliseconds: Int64 = 0
    private var counter: UInt64 = 0

    public init() {}

    /// - Parameters:
    ///   - unixMilliseconds: the wall clock.
    ///   - random: any number; what tells two processes apart that make a mark in the same millisecond.
    public mutating func next(unixMilliseconds: Int64, random: UInt64) -> FlushMark {
        if unixMilliseconds > milliseconds {
            milliseconds = unixMilliseconds
            counter = 0
        } else {
            counter += 1
            // More than 4,096 in a millisecond: borrowed from the next one.
            if counter > 0xFFF {
                milliseconds += 1
                counter = 0
            }
        }
        let time = UInt64(bitPattern: milliseconds) & 0xFFFF_FFFF_FFFF
        return FlushMark(high: time << 16 | 7 << 12 | counter, low: 0b10 << 62 | random >> 2)
    }
}
