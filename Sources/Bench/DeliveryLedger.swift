import Bytes
import Glibc

/// All messages of the feed that any subscriber of this load reactor has seen, in the order in which they came first.
///
/// The feed is a log and each subscriber a cursor in it, on this side too:
///
///     ledger   m0 m1 m2 m3 m4 m5 …            messages, in order of first arrival
///     cursor            ▲ next                compared with what comes: the same bytes, and it moves on by one
///
/// So a delivery costs one comparison of its bytes. What comes out of turn is read and looked up by its id: what the
/// cursor passes over is noted as missing until it comes (ids commit out of order, and two reporters need not agree on
/// an order), and what comes a second time is a double. Nothing is sampled and nothing is assumed to be in order.
struct DeliveryLedger: ~Copyable {
    struct Entry {
        /// By what the message is known on another connection: see `FeedMessage`.
        var key: Int64
        /// When it was due to be sent, on the monotonic clock; 0: not ours, so nobody knows.
        var due: Int64
        /// Where its bytes are, in the count of all bytes ever kept.
        var offset: Int
        var length: Int
    }

    enum Delivery: Equatable {
        /// The first time for this subscriber, in turn or not: where in the ledger.
        case new(Int)
        /// Again, on the same connection.
        case double(Int)
        /// Again, after a resume, which may repeat (the feed is delivered at least once).
        case repeated
        /// From before the subscriber came: part of a snapshot.
        case past
        /// No JSON object, or one that has neither an id nor our tag.
        case unjudged
        /// The ledger has no room for it: all that is known is what it says itself.
        case beyond(id: Int64?, due: Int64)
    }

    private(set) var entries = ChunkedList<Entry>()
    private var places = PlaceIndex()
    private let capacity: Int
    private let run: UInt16
    private let ring: UnsafeMutablePointer<UInt8>
    private var written = 0
    /// Of the tool's own scores, per load reactor that sent them: which were seen here.
    private(set) var seen = SerialSets()
    /// Own scores seen more than once under different ids: stored twice by the server.
    private(set) var storedTwice = 0

    init(run: UInt16, capacity: Int = BenchLimits.ledgerMessages) {
        self.run = run
        self.capacity = capacity
        ring = .allocate(capacity: BenchLimits.ledgerBytes)
    }

    deinit {
        ring.deallocate()
    }

    var count: Int { entries.count }
    var isFull: Bool { entries.count >= capacity }

    /// Enters a message that came to one subscriber, and says what it is to that one.
    mutating func deliver(_ text: Span<UInt8>, to cursor: inout DeliveryCursor) -> Delivery {
        if cursor.next < entries.count, holds(text, at: cursor.next) {
            return .new(cursor.advance())
        }
        guard let message = FeedMessage(text, run: run) else { return .unjudged }
        guard let key = message.key else { return .unjudged }
        if let place = places[key] { return cursor.take(place) }
        guard !isFull else { return .beyond(id: message.id, due: message.tag?.due ?? 0) }
        return cursor.take(append(message, key, text))
    }

    private mutating func append(_ message: FeedMessage, _ key: Int64, _ text: Span<UInt8>) -> Int {
        let place = entries.count
        var length = text.count
        if length > BenchLimits.ledgerBytes / 2 { length = 0 }
        // A message lies in one piece: what does not fit before the ring's end begins at its beginning.
        let room = BenchLimits.ledgerBytes - written & (BenchLimits.ledgerBytes - 1)
        if room < length { written += room }
        text.withUnsafeBytes { bytes in
            if length > 0 { memcpy(ring + written & (BenchLimits.ledgerBytes - 1), bytes.baseAddress!, length) }
        }
        entries.append(Entry(key: key, due: message.tag?.due ?? 0, offset: written, length: length))
        written += length
        places[key] = place
        if let tag = message.tag, !seen.insert(tag) { storedTwice += 1 }
        return place
    }

    private func holds(_ text: Span<UInt8>, at place: Int) -> Bool {
        let entry = entries[place]
        guard entry.length == text.count, entry.length > 0,
            written - entry.offset <= BenchLimits.ledgerBytes
        else { return false }
        let own = ring + entry.offset & (BenchLimits.ledgerBytes - 1)
        return text.withUnsafeBytes { memcmp(own, $0.baseAddress!, entry.length) == 0 }
    }
}

/// Where one subscriber stands in the ledger, and what it has not got.
struct DeliveryCursor: Sendable {
    /// The place of the message that is due next.
    private(set) var next: Int
    /// Places that were passed over: half-open, ascending, apart from each other.
    private(set) var missing: [Range<Int>] = []
    /// What is before it was sent before the subscriber came.
    private var start: Int
    /// What is before it may be repeated: it was seen on an earlier connection.
    private var repeatsBefore = 0
    /// Whether the first message decides where the subscriber begins: it came while messages were under way, so that
    /// those which others have seen may have been sent before it was there.
    private var beginsWithFirst: Bool

    /// - Parameters:
    ///   - place: the ledger's end when the subscriber came.
    ///   - isQuiet: whether nothing was being sent then, so that everything from here on is due to it.
    init(at place: Int, isQuiet: Bool) {
        next = place
        start = place
        beginsWithFirst = !isQuiet
    }

    /// A new connection asks for all that came after the last one: what is due goes on from there.
    mutating func resume() {
        repeatsBefore = next
    }

    /// The message that is due came.
    mutating func advance() -> Int {
        beginsWithFirst = false
        next += 1
        return next - 1
    }

    /// The message at a place came, out of turn or not.
    mutating func take(_ place: Int) -> DeliveryLedger.Delivery {
        if place >= next {
            if place > next, !beginsWithFirst {
                missing.append(next..<place)
            } else if beginsWithFirst {
                start = place
            }
            beginsWithFirst = false
            next = place + 1
            return .new(place)
        }
        if let index = missing.firstIndex(where: { $0.contains(place) }) {
            let range = missing[index]
            let parts = [range.lowerBound..<place, place + 1..<range.upperBound].filter { !$0.isEmpty }
            missing.replaceSubrange(index...index, with: parts)
            return .new(place)
        }
        if place < start { return .past }
        return place < repeatsBefore ? .repeated : .double(place)
    }

    /// What the subscriber has not got of a ledger of `count` messages, if it stayed to the end.
    func holes(of count: Int) -> [Range<Int>] {
        next < count && !beginsWithFirst ? missing + [next..<count] : missing
    }
}
