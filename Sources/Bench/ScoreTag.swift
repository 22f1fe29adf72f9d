import Bytes

/// What the load tool writes into the name of a user, so that it knows its own scores when they come back on the feed:
///
///     bench-3f2a-00000a1b2c3d4e5f-1000002a
///           run  intended send time serial: 4 bits of the load reactor, 28 bits of its count
///
/// The time is of the monotonic clock, so only the process that sent a score can tell how long it took.
struct ScoreTag: Equatable, Sendable {
    static let length = 36

    var run: UInt16
    /// Nanoseconds of the monotonic clock, when the score was due.
    var due: Int64
    var serial: UInt32

    func append(to output: inout ByteBuffer) {
        output.append("bench-")
        Self.append(UInt64(run), digits: 4, to: &output)
        output.append(UInt8(ascii: "-"))
        Self.append(UInt64(bitPattern: due), digits: 16, to: &output)
        output.append(UInt8(ascii: "-"))
        Self.append(UInt64(serial), digits: 8, to: &output)
    }

    init(run: UInt16, due: Int64, serial: UInt32) {
        self.run = run
        self.due = due
        self.serial = serial
    }

    /// nil when the name is not a tag.
    init?(_ name: Span<UInt8>) {
        guard name.count == Self.length, name.extracting(0..<6).equals("bench-"),
            name[10] == UInt8(ascii: "-"), name[27] == UInt8(ascii: "-"),
            let run = Self.number(name.extracting(6..<10)), let due = Self.number(name.extracting(11..<27)),
            let serial = Self.number(name.extracting(28..<36))
        else { return nil }
        self.init(run: UInt16(run), due: Int64(bitPattern: due), serial: UInt32(serial))
    }

    /// The load reactor that sent it, and the how manieth of that reactor's scores it is.
    var worker: Int { Int(serial >> 28) }
    var count: Int { Int(serial & 0x0fff_ffff) }

    private static func append(_ value: UInt64, digits: Int, to output: inout ByteBuffer) {
        let hexadecimal: StaticString = "0123456789abcdef"
        output.append(atLeast: digits) { free in
            for place in 0..<digits {
                let nibble = Int(value >> UInt64(4 * (digits - 1 - place)) & 15)
                free[place] = hexadecimal.utf8Start[nibble]
            }
            return digits
        }
    }

    private static func number(_ digits: Span<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<digits.count {
            let digit: UInt8
            switch digits[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = digits[index] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = digits[index] - UInt8(ascii: "a") + 10
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}
