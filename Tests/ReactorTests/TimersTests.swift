import Bytes
import Testing

@testable import Reactor

@Suite struct TimersTests {
    private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func firesInOrderOfDeadline() {
        var timers = Timers()
        let source = Source()
        for milliseconds in [50, 10, 40, 20, 30].shuffled() {
            _ = timers.schedule(source, at: at(Int64(milliseconds)), tag: UInt32(milliseconds))
        }
        #expect(timers.nextDeadline() == at(10))
        var fired: [UInt32] = []
        while let next = timers.takeExpired(at(40)) { fired.append(next.tag) }
        #expect(fired == [10, 20, 30, 40])
        #expect(timers.nextDeadline() == at(50))
    }

    @Test func skipsCancelledOnesAndForgetsStaleTokens() {
        var timers = Timers()
        let source = Source()
        let first = timers.schedule(source, at: at(1), tag: 1)
        _ = timers.schedule(source, at: at(2), tag: 2)
        timers.cancel(first)
        _ = timers.schedule(source, at: at(3), tag: 3)  // takes the slot of the first
        timers.cancel(first)
        var fired: [UInt32] = []
        while let next = timers.takeExpired(at(9)) { fired.append(next.tag) }
        #expect(fired == [2, 3])
        #expect(timers.count == 0)
    }

    @Test func agreesWithASortedListUnderRandomUse() {
        var timers = Timers()
        let source = Source()
        var model: [(deadline: Int64, tag: UInt32, token: TimerToken)] = []
        var now: Int64 = 0
        for tag in 0..<5000 {
            switch Int.random(in: 0..<4) {
            case 0, 1:
                let deadline = now + Int64.random(in: 0...100)
                model.append((deadline, UInt32(tag), timers.schedule(source, at: at(deadline), tag: UInt32(tag))))
            case 2 where !model.isEmpty:
                let victim = model.remove(at: Int.random(in: 0..<model.count))
                timers.cancel(victim.token)
            default:
                now += Int64.random(in: 0...20)
                var fired: Set<UInt32> = []
                while let next = timers.takeExpired(at(now)) { fired.insert(next.tag) }
                #expect(fired == Set(model.filter { $0.deadline <= now }.map(\.tag)))
                model.removeAll { $0.deadline <= now }
            }
            #expect(timers.count == model.count)
        }
    }
}

@Suite struct SlabTests {
    @Test func aFreedSlotIsNotFoundByItsOldToken() {
        var slab = Slab<String>()
        let first = slab.insert("first")
        #expect(slab.remove(first) == "first")
        let second = slab.insert("second")
        #expect(second.slot == first.slot)
        #expect(slab[first] == nil)
        #expect(slab.remove(first) == nil)
        #expect(slab[second] == "second")
        #expect(slab[.none] == nil)
    }
}

@Suite struct BackoffTests {
    @Test func triesAtOnceThenDoublesWithJitterUpToTheLimit() {
        var backoff = Backoff(first: .milliseconds(100), limit: .seconds(5))
        #expect(backoff.next() == .zero)
        for ceiling in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = backoff.next()
            #expect(wait >= .milliseconds(ceiling) / 2 && wait <= .milliseconds(ceiling))
        }
        backoff.reset()
        #expect(backoff.next() == .zero)
    }
}
