/// A slot and the generation it was handed out in: after the slot was freed, the token compares as stale.
public struct Token: Hashable, Sendable {
    public let slot: UInt32
    public let generation: UInt32

    @inlinable public init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// A token that no slot was ever handed out with.
    public static let none = Token(slot: .max, generation: 0)

    /// As epoll's 64-bit cookie.
    @inlinable var cookie: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
    @inlinable init(cookie: UInt64) {
        self.init(slot: UInt32(truncatingIfNeeded: cookie), generation: UInt32(truncatingIfNeeded: cookie >> 32))
    }
}
