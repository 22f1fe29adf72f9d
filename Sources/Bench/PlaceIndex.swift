/// Where in the ledger the message of a key stands. Many small dictionaries and not one: a dictionary of millions takes a
/// second to grow, in which nothing is read, and the server would be blamed for it.
struct PlaceIndex {
    private static let bits = 12

    private var parts: [[Int64: Int32]] = Array(repeating: [:], count: 1 << Self.bits)

    /// Keys in the part that has most of them.
    var largestPart: Int { parts.map(\.count).max() ?? 0 }

    subscript(key: Int64) -> Int? {
        get { parts[Self.part(of: key)][key].map { Int($0) } }
        set { parts[Self.part(of: key)][key] = newValue.map { Int32($0) } }
    }

    /// Ids follow each other, so that they are mixed: else all parts would be full, and grow, at the same moment.
    private static func part(of key: Int64) -> Int {
        let mixed = UInt64(bitPattern: key) &* 0xff51_afd7_ed55_8ccd
        return Int(((mixed ^ (mixed >> 33)) &* 0xc4ce_b9fe_1a85_ec53) >> UInt64(64 - bits))
    }
}
