extension ByteBuffer {
    /// Appends `value` in decimal digits.
    @inlinable public mutating func append(decimal value: Int64) {
        append(atLeast: 20) { free in free.write(decimal: value, at: 0) }
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

/// Writing of what is known to fit: each returns the offset behind what it wrote.
extension UnsafeMutableRawBufferPointer {
    @inlinable @inline(__always) public func write(_ text: StaticString, at offset: Int) -> Int {
        (baseAddress! + offset).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        return offset + text.utf8CodeUnitCount
    }

    /// Writes `value` in decimal digits, at most 20 bytes. Two digits a division, for divisions are what it costs.
    @inlinable public func write(decimal value: Int64, at offset: Int) -> Int {
        var rest = value.magnitude
        var end = offset
        if value < 0 {
            self[end] = UInt8(ascii: "-")
            end += 1
        }
        var length = 1
        var bound: UInt64 = 10
        while length < 20, rest >= bound {
            length += 1
            bound &*= 10
        }
        end += length
        var position = end
        while rest >= 100 {
            position -= 2
            _ = write(twoDigits: Int64(rest % 100), at: position)
            rest /= 100
        }
        if rest >= 10 {
            _ = write(twoDigits: Int64(rest), at: position - 2)
        } else {
            self[position - 1] = 0x30 + UInt8(rest)
        }
        return end
    }

    /// Writes the two digits of `value`, which is in 0…99.
    @inlinable @inline(__always) public func write(twoDigits value: Int64, at offset: Int) -> Int {
        let tens = (value &* 103) &>> 10  // a tenth, exact below 179
        let ones = value &- tens &* 10
        let digits = UInt16(truncatingIfNeeded: 0x3030 &+ tens &+ ones &<< 8)
        storeBytes(of: digits.littleEndian, toByteOffset: offset, as: UInt16.self)
        return offset + 2
    }
}
