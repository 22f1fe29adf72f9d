/// Slots for values that are found again by token. A freed slot is used again with the next generation, so a late
/// event or answer for what was there before finds nothing. (Inlinable: without it other modules look up types at run
/// time for each access.)
public struct Slab<Value> {
    @usableFromInline struct Slot {
        @usableFromInline var value: Value?
        @usableFromInline var generation: UInt32

        @inlinable init(value: Value, generation: UInt32) {
            self.value = value
            self.generation = generation
        }
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [UInt32] = []

    /// How many values are in it.
    @inlinable public var count: Int { slots.count - free.count }

    @inlinable public init() {}

    @inlinable public mutating func insert(_ value: Value) -> Token {
        if let slot = free.popLast() {
            slots[Int(slot)].value = value
            return Token(slot: slot, generation: slots[Int(slot)].generation)
        }
        slots.append(Slot(value: value, generation: 1))
        return Token(slot: UInt32(slots.count - 1), generation: 1)
    }

    /// The value of a token that is not stale.
    @inlinable public subscript(token: Token) -> Value? {
        let index = Int(token.slot)
        guard index < slots.count, slots[index].generation == token.generation else { return nil }
        return slots[index].value
    }

    /// Takes the value out; the token and its copies are stale from now on.
    @discardableResult @inlinable public mutating func remove(_ token: Token) -> Value? {
        let index = Int(token.slot)
        guard index < slots.count, slots[index].generation == token.generation, let value = slots[index].value else {
            return nil
        }
        slots[index].value = nil
        slots[index].generation &+= 1
        free.append(token.slot)
        return value
    }

    /// All values, copied out: the slab may change while they are walked.
    @inlinable public var values: [Value] { slots.compactMap(\.value) }
}
