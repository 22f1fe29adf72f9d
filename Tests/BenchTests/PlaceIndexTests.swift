import Testing

@testable import Bench

@Suite struct PlaceIndexTests {
    /// What grows in one go is what stops the load reactor: no part may have much of the whole.
    @Test(arguments: [1, 2, 1_000, 4_096, -1, 1 << 40]) func theKeysAreSpread(_ step: Int64) {
        var index = PlaceIndex()
        for place in 0..<100_000 { index[Int64(place) &* step] = place }
        #expect(index.largestPart < 100)
    }

    @Test func everyKeyIsFound() {
        var index = PlaceIndex()
        let keys = (0..<5_000).map { Int64($0) } + [.min, .max, -1, -77]
        for (place, key) in keys.enumerated() { index[key] = place }
        #expect(keys.indices.allSatisfy { index[keys[$0]] == $0 })
        #expect(index[5_000] == nil && index[-2] == nil)
    }
}

@Suite struct ChunkedListTests {
    @Test func isAList() {
        var list = ChunkedList<Int>()
        for element in 0..<100_000 { list.append(element * 3) }
        #expect(list.count == 100_000)
        #expect((0..<100_000).allSatisfy { list[$0] == $0 * 3 })
    }
}
