extension ByteBuffer {
    /// Appends `value` in decimal digits.
    public mutating func append(decimal value: Int64) {
        // Lengths and counts are mostly short, and stand in every answer.
        if value >= 10, value < 100 {
            append(0x30 + UInt8(truncatingIfNeeded: value / 10))
            append(0x30 + UInt8(truncatingIfNeeded: value % 10))
            return
        }
        append(atLeast: 20) { free in
            var magnitude = value.magnitude
            var length = value < 0 ? 1 : 0
            var rest = magnitude
            repeat {
                length += 1
                rest /= 10
            } while rest > 0
            var position = length
            repeat {
                position -= 1
                free[position] = UInt8(truncatingIfNeeded: 0x30 + magnitude % 10)
                magnitude /= 10
            } while magnitude > 0
            if value < 0 { free[0] = UInt8(ascii: "-") }
            return length
        }
    }

    /// Appends `value` in lower-case hexadecimal digits, without leading zeros.
    public mutating func append(hexadecimal value: UInt64) {
        append(atLeast: 16) { free in
            let length = max(1, (64 - value.leadingZeroBitCount + 3) / 4)
            for position in 0..<length {
                let digit = UInt8(truncatingIfNeeded: (value >> UInt64(4 * (length - 1 - position))) & 15)
                free[position] = digit < 10 ? 0x30 + digit : 0x57 + digit
            }
            return length
        }
    }
}

extension Span where Element == UInt8 {
    /// The bytes as an unsigned decimal number: 1 to 19 digits and nothing else, or nil (empty, sign, blank, overflow).
    public var decimalValue: Int64? {
        guard count > 0, count <= 19 else { return nil }
        var value: Int64 = 0
        for index in 0..<count {
            let digit = self[index] &- 0x30
            guard digit <= 9 else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            let (sum, carried) = scaled.addingReportingOverflow(Int64(digit))
            if carried { return nil }
            value = sum
        }
        return value
    }
}
