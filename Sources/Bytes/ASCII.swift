import Glibc

extension Span where Element == UInt8 {
    /// Whether the bytes are those of `text`.
    @inlinable public func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount
            && withUnsafeBufferPointer { count == 0 || memcmp($0.baseAddress!, text.utf8Start, count) == 0 }
    }

    /// Whether the bytes begin with those of `text`.
    @inlinable public func starts(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && extracting(0..<text.utf8CodeUnitCount).equals(text)
    }

    /// Whether the bytes are those of `lowercased`, which is in lower case, when the case of A–Z is ignored.
    public func equalsIgnoringCase(_ lowercased: StaticString) -> Bool {
        guard count == lowercased.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index].asciiLowercased != lowercased.utf8Start[index] { return false }
        return true
    }

    /// The offset of the first `byte`, or nil.
    @inlinable public func firstIndex(of byte: UInt8) -> Int? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base, Int32(byte), bytes.count) else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    /// The offset of the last `byte`, or nil.
    public func lastIndex(of byte: UInt8) -> Int? {
        var index = count
        while index > 0 {
            index -= 1
            if self[index] == byte { return index }
        }
        return nil
    }

    /// A copy of the bytes that outlives them.
    @inlinable public var copied: [UInt8] {
        withUnsafeBufferPointer { Array($0) }
    }

    /// A copy as text; ill-formed UTF-8 becomes U+FFFD.
    public var text: String {
        withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

extension UInt8 {
    /// The byte with A–Z made a–z.
    @inlinable public var asciiLowercased: UInt8 {
        self &- 0x41 < 26 ? self | 0x20 : self
    }

    /// The value of a hexadecimal digit, or nil.
    @inlinable public var hexadecimalValue: UInt8? {
        switch self {
        case 0x30...0x39: self &- 0x30
        case 0x41...0x46: self &- 0x37
        case 0x61...0x66: self &- 0x57
        default: nil
        }
    }
}
