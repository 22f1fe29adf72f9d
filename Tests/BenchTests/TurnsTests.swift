import Testing

@testable import Bench

@Suite struct TurnsTests {
    /// A load of two at a time on three connections goes to all of them.
    @Test func everyFreeMemberHasItsTurn() {
        var turns = Turns<Int>()
        for member in 0..<3 { turns.append(member) }
        let taken = (0..<7).map { _ in turns.next({ _ in true }, left: { _ in Issue.record("all are free") }) }
        #expect(taken == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func whoIsNotFreeLeavesAndMayComeBack() {
        var turns = Turns<Int>()
        for member in 0..<4 { turns.append(member) }
        var left: [Int] = []
        var taken = turns.next({ $0 > 1 }, left: { left.append($0) })
        #expect(taken == 3 && left == [0])
        taken = turns.next({ $0 > 1 }, left: { left.append($0) })
        #expect(taken == 2 && left == [0, 1])
        taken = turns.next({ _ in false }, left: { left.append($0) })
        #expect(taken == nil && left.sorted() == [0, 1, 2, 3])
        turns.append(1)
        taken = turns.next({ _ in true }, left: { left.append($0) })
        #expect(taken == 1)
    }
}
