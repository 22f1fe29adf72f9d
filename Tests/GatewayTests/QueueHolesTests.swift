import Bytes
import Testing

@testable import Gateway

private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

@Suite struct QueueHolesTests {
    private func holes(told: Int64, open: Int = 100, givenUp: Int = 100) -> QueueHoles {
        var holes = QueueHoles(open: open, givenUp: givenUp)
        holes.begin(above: told)
        return holes
    }

    @Test func aHoleIsOpenUntilItIsFilled() {
        var holes = holes(told: 100)
        #expect(holes.highest == 100 && holes.lowestOpen == nil)
        let new = [101, 111, 105, 105, 101].map { holes.take($0, by: .bus, at: at(1)) }
        #expect(new == [true, true, true, false, false] && holes.lowestOpen == 102 && holes.openCount == 2)
        var filled = (102...104).count { holes.take($0, by: .store, at: at(2)) }
        #expect(filled == 3 && holes.lowestOpen == 106)
        filled = (106...110).reversed().count { holes.take($0, by: .bus, at: at(2)) }
        #expect(filled == 5 && holes.lowestOpen == nil && holes.openCount == 0 && holes.highest == 111)
    }

    @Test func aHoleIsGivenUpWhenItIsOldAndWasReadOver() {
        var holes = holes(told: 100)
        _ = holes.take(103, by: .bus, at: at(1))
        _ = holes.take(106, by: .bus, at: at(5))
        var first = [0, 1].map { holes.firstOpen(since: at($0)) }
        #expect(first == [nil, 101])
        holes.giveUp(above: 100, through: 102, openSince: at(0))
        holes.giveUp(above: 101, through: .max, openSince: at(4))
        holes.giveUp(above: 100, through: 101, openSince: at(4))
        #expect(holes.lowestOpen == 101, "too young, begun within it, ended within it")
        holes.giveUp(above: 100, through: 103, openSince: at(4))
        first = [4, 5].map { holes.firstOpen(since: at($0)) }
        #expect(holes.lowestOpen == 104 && first == [nil, 104])
        // The store does not fill it any more; the bus does.
        #expect(!holes.hasTaken(102))
        let filled = [QueueHoles.Way.store, .bus].map { holes.take(102, by: $0, at: at(9)) }
        #expect(filled == [false, true])
        #expect(holes.hasTaken(102) && !holes.hasTaken(101) && holes.lowestOpen == 104)
    }

    @Test func whatIsWantedIsOpen() {
        var holes = holes(told: 100)
        holes.want(50...52, openSince: at(1))
        holes.want(54...54, openSince: at(1))
        holes.want(53...53, openSince: at(2))
        #expect(holes.openCount == 1 && holes.lowestOpen == 50)
        let filled = (49...54).map { holes.take($0, by: .store, at: at(3)) }
        #expect(filled == [false, true, true, true, true, true] && holes.openCount == 0)
        // Once more.
        holes.want(51...52, openSince: at(4))
        let first = holes.firstOpen(since: at(4))
        #expect(holes.lowestOpen == 51 && first == 51)
    }

    /// Before the place is known, all may be told and all may be not.
    @Test func whatIsWantedBeforeThePlaceIsKnown() {
        var holes = QueueHoles(open: 100, givenUp: 100)
        holes.want(90...95, openSince: at(1))
        holes.want(99...105, openSince: at(1))
        holes.want(110...120, openSince: at(1))
        holes.begin(above: 100)
        #expect(holes.highest == 100 && holes.openCount == 2 && holes.lowestOpen == 90)
        let isNew = holes.take(101, by: .store, at: at(2))
        #expect(isNew && holes.highest == 101)
    }

    /// Against a list of all ids: with little room knowledge is lost, but never is something taken for told that is not.
    @Test(arguments: [UInt64](1...20), [100, 2]) func againstAList(seed: UInt64, limit: Int) {
        var generator = SplitMix(state: seed)
        var holes = holes(told: 0, open: limit, givenUp: limit)
        var taken: Set<Int64> = []
        var givenUp: Set<Int64> = []
        for second in Int64(1)...400 {
            let id = Int64.random(in: 1...60, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<7:
                let way: QueueHoles.Way = .random(in: 0...1, using: &generator) == 0 ? .bus : .store
                let isNew = !taken.contains(id) && (way == .bus || !givenUp.contains(id))
                let top = max(holes.highest, id)
                let isTaken = holes.take(id, by: way, at: at(second))
                if limit == 100 { #expect(isTaken == isNew) }
                if isTaken {
                    taken.insert(id)
                    givenUp.remove(id)
                }
                #expect(holes.highest == top)
            case 7..<9:
                guard id <= holes.highest else { continue }
                holes.want(id...id, openSince: at(second - 15))
                taken.remove(id)
                givenUp.remove(id)
            default:
                let (lower, upper) = (id - 1, id + .random(in: 0...20, using: &generator))
                // Only holes that are wholly between are.
                guard !taken.isDisjoint(with: [id - 1, 0]) || id == 1, taken.contains(upper + 1) else { continue }
                holes.giveUp(above: lower, through: upper, openSince: at(second))
                for id in id...upper where !taken.contains(id) { givenUp.insert(id) }
            }
            for id in 1...holes.highest where holes.hasTaken(id) { #expect(taken.contains(id), "\(id)") }
            guard limit == 100 else { continue }
            for id in taken { #expect(holes.hasTaken(id)) }
            #expect(holes.lowestOpen == (1...holes.highest).first { !taken.contains($0) && !givenUp.contains($0) })
        }
    }
}
