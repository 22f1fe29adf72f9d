/// The answers one connection owes, in the order of its requests (RFC 9112 section 9.3.2).
///
///     sequence     0 …… | nextToAnswer …… | nextSequence
///                  sent   owed              not asked yet
///
/// An answer that is made before its turn is held until those before it are sent.
struct ResponseQueue {
    /// What follows the bytes of an answer.
    enum Rest {
        case nothing
        case body(BodyProducer)
        case upgrade(UpgradedConnection)
    }

    struct Held {
        let ticket: ResponseTicket
        let bytes: [UInt8]
        let rest: Rest
    }

    private var nextSequence: UInt32 = 0
    private var nextToAnswer: UInt32 = 0
    private var held: [Held] = []

    /// Requests that began and whose answers were not sent, those under way among them.
    var unanswered: Int { Int(nextSequence &- nextToAnswer) }

    /// Bytes of answers that wait for those before them.
    var heldBytes: Int { held.reduce(0) { $0 + $1.bytes.count } }

    /// Whether a request has ever come.
    var hasBegun: Bool { nextSequence != 0 }

    /// A request begins.
    /// - Returns: its place in the order.
    @inline(__always) mutating func begin() -> UInt32 {
        nextSequence &+= 1
        return nextSequence &- 1
    }

    /// The request that began last gets no answer, nor does it ask for one any more.
    mutating func takeBackLast() {
        nextSequence &-= 1
    }

    @inline(__always) func isNext(_ ticket: ResponseTicket) -> Bool { ticket.sequence == nextToAnswer }
    @inline(__always) func isLast(_ ticket: ResponseTicket) -> Bool { ticket.sequence &+ 1 == nextSequence }

    /// Whether its answer is still to be made.
    @inline(__always) func isOwed(_ ticket: ResponseTicket) -> Bool {
        ticket.sequence &- nextToAnswer < UInt32(unanswered) && !held.contains { $0.ticket.sequence == ticket.sequence }
    }

    mutating func hold(_ ticket: ResponseTicket, _ bytes: [UInt8], then rest: Rest) {
        held.append(Held(ticket: ticket, bytes: bytes, rest: rest))
    }

    /// The next answer, if it was made already.
    mutating func takeNext() -> Held? {
        guard let index = held.firstIndex(where: { isNext($0.ticket) }) else { return nil }
        return held.remove(at: index)
    }

    /// The next answer was sent.
    @inline(__always) mutating func advance() {
        nextToAnswer &+= 1
    }

    /// Nothing more will be sent.
    /// - Returns: producers that wait, and are to be told.
    mutating func abandon() -> [BodyProducer] {
        nextToAnswer = nextSequence
        defer { held = [] }
        return held.compactMap { if case .body(let producer) = $0.rest { producer } else { nil } }
    }
}
