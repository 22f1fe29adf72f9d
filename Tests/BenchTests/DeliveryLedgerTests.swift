import Testing

@testable import Bench

@Suite struct DeliveryLedgerTests {
    private func message(_ id: Int) -> [UInt8] {
        Array(#"{"id":\#(id),"user":"ada","score":3}"#.utf8)
    }

    @discardableResult
    private func deliver(
        _ id: Int, _ ledger: inout DeliveryLedger, _ cursor: inout DeliveryCursor
    ) -> DeliveryLedger.Delivery {
        ledger.deliver(message(id).span, to: &cursor)
    }

    @Test func whatComesInTurnIsNew() {
        var ledger = DeliveryLedger(run: 0)
        var cursors = [DeliveryCursor(at: 0, isQuiet: true), DeliveryCursor(at: 0, isQuiet: true)]
        for id in 0..<5 {
            #expect(deliver(100 + id, &ledger, &cursors[0]) == .new(id))
            #expect(deliver(100 + id, &ledger, &cursors[1]) == .new(id))
        }
        #expect(ledger.count == 5)
        #expect(cursors.allSatisfy { $0.holes(of: 5) == [] })
    }

    @Test func aHoleIsNamedUntilItComes() {
        var ledger = DeliveryLedger(run: 0)
        var first = DeliveryCursor(at: 0, isQuiet: true)
        var second = first
        for id in 1...6 { deliver(id, &ledger, &first) }
        for id in [1, 2, 6] { deliver(id, &ledger, &second) }
        #expect(second.holes(of: ledger.count) == [2..<5])
        #expect(deliver(4, &ledger, &second) == .new(3))
        #expect(second.holes(of: ledger.count) == [2..<3, 4..<5])
        #expect(deliver(4, &ledger, &second) == .double(3))
        deliver(3, &ledger, &second)
        deliver(5, &ledger, &second)
        #expect(second.holes(of: ledger.count) == [])
    }

    @Test func whatNeverCameAtTheEndIsAHoleToo() {
        var ledger = DeliveryLedger(run: 0)
        var first = DeliveryCursor(at: 0, isQuiet: true)
        let second = first
        for id in 1...3 { deliver(id, &ledger, &first) }
        #expect(second.holes(of: ledger.count) == [0..<3])
    }

    @Test func aDoubleIsOneAlsoInTurn() {
        var ledger = DeliveryLedger(run: 0)
        var cursor = DeliveryCursor(at: 0, isQuiet: true)
        deliver(7, &ledger, &cursor)
        #expect(deliver(7, &ledger, &cursor) == .double(0))
    }

    @Test func aResumeMayRepeat() {
        var ledger = DeliveryLedger(run: 0)
        var cursor = DeliveryCursor(at: 0, isQuiet: true)
        for id in 1...3 { deliver(id, &ledger, &cursor) }
        cursor.resume()
        #expect(deliver(2, &ledger, &cursor) == .repeated)
        #expect(deliver(3, &ledger, &cursor) == .repeated)
        #expect(deliver(4, &ledger, &cursor) == .new(3))
        #expect(deliver(4, &ledger, &cursor) == .double(3))
        #expect(cursor.holes(of: ledger.count) == [])
    }

    /// What others had before it was there is not due to it, also when they had it a moment ago.
    @Test func whoComesLaterBeginsWithTheFirstMessage() {
        var ledger = DeliveryLedger(run: 0)
        var early = DeliveryCursor(at: 0, isQuiet: true)
        for id in 1...3 { deliver(id, &ledger, &early) }
        var late = DeliveryCursor(at: ledger.count, isQuiet: false)
        for id in 4...5 { deliver(id, &ledger, &early) }
        #expect(late.holes(of: ledger.count) == [])
        #expect(deliver(5, &ledger, &late) == .new(4))
        #expect(deliver(2, &ledger, &late) == .past)
        #expect(late.holes(of: ledger.count) == [])
    }

    @Test func knowsItsOwnScores() {
        var ledger = DeliveryLedger(run: 0x3f2a)
        var cursor = DeliveryCursor(at: 0, isQuiet: true)
        let own = #"{"user":"bench-3f2a-00000a1b2c3d4e5f-1000002a","score":103}"#
        #expect(ledger.deliver(Array(own.utf8).span, to: &cursor) == .new(0))
        #expect(ledger.entries[0].due == 0x0a1b_2c3d_4e5f)
        #expect(ledger.deliver(Array(own.utf8).span, to: &cursor) == .double(0))
        var accepted = SerialSets()
        accepted.insert(worker: 1, 42)
        accepted.insert(worker: 1, 43)
        accepted.insert(worker: 3, 7)
        #expect(accepted.countOfThoseNot(in: ledger.seen) == 2)
    }

    @Test func aScoreUnderTwoIdsWasStoredTwice() {
        var ledger = DeliveryLedger(run: 0x3f2a)
        var cursor = DeliveryCursor(at: 0, isQuiet: true)
        for id in [1, 2] {
            let own = #"{"id":\#(id),"user":"bench-3f2a-00000a1b2c3d4e5f-1000002a","score":103}"#
            #expect(ledger.deliver(Array(own.utf8).span, to: &cursor) == .new(id - 1))
        }
        #expect(ledger.storedTwice == 1)
    }

    /// When it is full, what it has is still judged, and the rest tells its own time.
    @Test func aFullLedgerStillKnowsWhenItWasDue() {
        var ledger = DeliveryLedger(run: 0x3f2a, capacity: 2)
        var cursor = DeliveryCursor(at: 0, isQuiet: true)
        var other = cursor
        for id in 1...2 { deliver(id, &ledger, &cursor) }
        let isFull = ledger.isFull
        #expect(isFull)
        let own = #"{"id":3,"user":"bench-3f2a-00000a1b2c3d4e5f-1000002a","score":103}"#
        #expect(ledger.deliver(Array(own.utf8).span, to: &cursor) == .beyond(id: 3, due: 0x0a1b_2c3d_4e5f))
        #expect(deliver(4, &ledger, &cursor) == .beyond(id: 4, due: 0))
        #expect(deliver(1, &ledger, &other) == .new(0))
        #expect(ledger.count == 2)
    }

    @Test(arguments: ["", "7", "[1]", "{", #"{"score":3}"#]) func othersAreNotJudged(_ text: String) {
        var ledger = DeliveryLedger(run: 0)
        var cursor = DeliveryCursor(at: 0, isQuiet: true)
        #expect(ledger.deliver(Array(text.utf8).span, to: &cursor) == .unjudged)
        #expect(ledger.count == 0)
    }

    /// Against a model with a set a subscriber: whatever the orders, what is missing and what is double agrees.
    @Test(arguments: 0..<50) func agreesWithSets(_ seed: UInt64) {
        var random = SplitMix(seed)
        var ledger = DeliveryLedger(run: 0)
        var cursors = (0..<4).map { _ in DeliveryCursor(at: 0, isQuiet: true) }
        var got = Array(repeating: Set<Int>(), count: 4)
        var doubles = Array(repeating: 0, count: 4)
        var modelDoubles = doubles
        for _ in 0..<2_000 {
            let who = Int.random(in: 0..<4, using: &random)
            // Mostly in turn, sometimes from elsewhere.
            let isElsewhere = Int.random(in: 0..<10, using: &random) == 0
            let id = isElsewhere ? Int.random(in: 0..<1_000, using: &random) : got[who].count
            if !got[who].insert(id).inserted { modelDoubles[who] += 1 }
            if case .double = deliver(id, &ledger, &cursors[who]) { doubles[who] += 1 }
        }
        #expect(doubles == modelDoubles)
        let all = got.reduce(into: Set<Int>()) { $0.formUnion($1) }
        #expect(ledger.count == all.count)
        for who in 0..<4 {
            var missing: Set<Int> = []
            for range in cursors[who].holes(of: ledger.count) {
                for place in range { missing.insert(Int(ledger.entries[place].key)) }
            }
            #expect(missing == all.subtracting(got[who]))
        }
    }
}

/// A generator that repeats by its seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
