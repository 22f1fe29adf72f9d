/// What a number is to somebody who wants an integer. The text decides, not the value: `3.0` and `3e0` are no integers.
public enum JSONNumber: Equatable, Sendable {
    /// An optional minus and digits; `-0` is 0.
    case integer(Int64)
    /// An optional minus and digits, beyond 64 bits.
    case oversized
    /// With a fraction or an exponent.
    case fractional
}
