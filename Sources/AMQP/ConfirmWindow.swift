/// Published messages that the broker has not confirmed yet, by delivery tag.
///
/// In confirm mode the broker numbers what is published on a channel from 1 on, and answers each number once, with ack
/// or nack, alone or with all below it (`multiple`), in any order. The window is a ring over those numbers:
///
///     settled and gone | first … settled … unsettled … | next …
///
/// A number leaves at the front only, so that what is left after a loss comes out in the order it was published; one
/// early message without an answer therefore holds the room of the later ones that have it.
struct ConfirmWindow {
    private struct Slot {
        var ticket: UInt64 = 0
        var isSettled = false
    }

    private var slots: [Slot]
    private var first: UInt64 = 1
    private var next: UInt64 = 1

    /// How many messages may be on their way.
    let limit: Int

    init(limit: Int = Limits.confirmWindow) {
        precondition(limit > 0, "a window without room")
        self.limit = limit
        slots = Array(repeating: Slot(), count: limit)
    }

    /// Messages that hold room.
    var count: Int { Int(next - first) }
    var isFull: Bool { count >= limit }

    /// A message is published; `ticket` names it to its owner.
    mutating func append(_ ticket: UInt64) {
        precondition(!isFull, "published beyond the window")
        slots[index(next)] = Slot(ticket: ticket, isSettled: false)
        next += 1
    }

    /// The delivery tags that an ack or nack speaks of. Pass each to `settle`.
    /// - Throws: when the broker answers what was never published.
    func covered(by tag: UInt64, multiple: Bool) throws(AMQPError) -> Range<UInt64> {
        // Tag 0 with `multiple` means all outstanding (section 1.8.3.13).
        if multiple, tag == 0 { return first..<next }
        guard tag > 0, tag < next else { throw .malformed("confirm of delivery tag \(tag), published: \(next - 1)") }
        if multiple { return min(first, tag + 1)..<(tag + 1) }
        return tag..<(tag + 1)
    }

    /// The broker has answered `tag`.
    /// - Returns: the message's ticket; nil when it was answered before.
    mutating func settle(_ tag: UInt64) -> UInt64? {
        guard tag >= first, tag < next, !slots[index(tag)].isSettled else { return nil }
        slots[index(tag)].isSettled = true
        let ticket = slots[index(tag)].ticket
        while first < next, slots[index(first)].isSettled { first += 1 }
        return ticket
    }

    /// After the channel is gone: the oldest message without an answer, nil when there is none left. The numbering
    /// begins anew then, as it does on the next channel.
    mutating func takeUnsettled() -> UInt64? {
        while first < next {
            let slot = slots[index(first)]
            first += 1
            if !slot.isSettled { return slot.ticket }
        }
        first = 1
        next = 1
        return nil
    }

    private func index(_ tag: UInt64) -> Int { Int(tag % UInt64(limit)) }
}
