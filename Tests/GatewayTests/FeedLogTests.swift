import Testing

@testable import Gateway

/// A frame of `length` bytes that can be told from others.
private func frame(_ id: Int64, length: Int) -> [UInt8] {
    (0..<length).map { UInt8(truncatingIfNeeded: Int(id) &* 31 &+ $0) }
}

extension FeedLog {
    fileprivate func append(_ id: Int64, length: Int = 100) {
        frame(id, length: length).withUnsafeBytes { append($0, id: id) }
    }

}

@Suite struct FeedLogTests {
    @Test func aRangeIsOnePieceAcrossTheEndOfTheRing() throws {
        let log = try FeedLog(bytes: 4096)
        var model: [UInt8] = []
        for id in Int64(1)...500 {
            let length = 50 + Int(id * 7 % 150)
            log.append(id, length: length)
            model += frame(id, length: length)
            #expect(log.head == UInt64(model.count))
            #expect(log.head - log.tail <= 4096)
            #expect(Array(log.bytes(from: log.tail)) == Array(model[Int(log.tail)...]))
        }
    }

    @Test func aSnapshotIsAPositionSetBack() throws {
        let log = try FeedLog(bytes: 1 << 16)
        for id in Int64(1)...10 { log.append(id) }
        #expect(log.position(ofNewest: 3) == 700)
        #expect(log.position(ofNewest: 0) == 1000)
        #expect(log.position(ofNewest: 10) == 0)
        #expect(log.position(ofNewest: .max) == 0)
    }

    @Test func resumeBeginsWhereSomethingNewerStands() throws {
        let log = try FeedLog(bytes: 1 << 16)
        log.storeFloor = 0
        for id in Int64(1)...10 { log.append(id) }
        #expect(log.position(after: 0) == 0)
        #expect(log.position(after: 4) == 400)
        #expect(log.position(after: 10) == 1000)
        #expect(log.position(after: 99) == 1000)
    }

    @Test func anOlderIdCommittedLaterIsNotLost() throws {
        let log = try FeedLog(bytes: 1 << 16)
        log.storeFloor = 0
        for id in [Int64](arrayLiteral: 1, 2, 5, 3, 4, 6) { log.append(id) }
        // Who had 3 may not have had 5, 4 and 6: everything from 5 on follows, 3 again with it.
        #expect(log.position(after: 3) == 200)
        // Who had 1, 2 and 5 as they came has not had 3 and 4.
        #expect(log.position(after: 5) == 300)
        #expect(log.position(after: 6) == 600)
    }

    @Test func aScoreWithoutIdIsNewerThanAnyId() throws {
        let log = try FeedLog(bytes: 1 << 16)
        log.storeFloor = 0
        for id in [Int64](arrayLiteral: 1, 2, 0, 3) { log.append(id) }
        #expect(log.position(after: 3) == 200)
    }

    @Test func behindTheDroppedOneEverythingIsNew() throws {
        let log = try FeedLog(bytes: 4096)
        log.storeFloor = 0
        for id in Int64(100)...141 { log.append(id) }
        // Dropped are 100 and 101. 50 was committed after 101: who had 101 has not had it.
        for id in [Int64](arrayLiteral: 50, 142) { log.append(id) }
        let dropped = 142 - 100 + 2 - Int64(log.count)
        #expect(log.position(after: 100 + dropped - 1) == log.tail)
    }

    @Test func onceAScoreWithoutIdWasDroppedTheStoreMustBeAsked() throws {
        let log = try FeedLog(bytes: 4096)
        log.storeFloor = 0
        log.append(1)
        log.append(0)
        for id in Int64(3)...50 { log.append(id) }
        #expect(log.position(after: 50) == nil)
    }

    @Test func belowTheFloorTheStoreMustBeAsked() throws {
        let log = try FeedLog(bytes: 4096)
        #expect(log.position(after: 7) == nil, "before it is filled it cannot know")
        log.storeFloor = 5
        log.append(6)
        #expect(log.position(after: 4) == nil)
        #expect(log.position(after: 5) == 0)
        for id in Int64(7)...100 { log.append(id) }
        let oldest = 100 - log.count + 1
        #expect(log.position(after: Int64(oldest) - 2) == nil, "dropped from the ring")
        #expect(log.position(after: Int64(oldest) - 1) == log.tail)
    }

    @Test func knowsWhereAFrameEnds() throws {
        let log = try FeedLog(bytes: 4096)
        for id in Int64(1)...60 { log.append(id) }
        #expect(log.frameEnd(at: log.head) == log.head)
        #expect(log.frameEnd(at: log.head - 1) == log.head)
        #expect(log.frameEnd(at: log.head - 100) == log.head - 100)
        #expect(log.frameEnd(at: log.head - 101) == log.head - 100)
        #expect(log.frameEnd(at: log.head - 250) == log.head - 200)
    }

    @Test func aFrameLargerThanTheRingIsLeftOut() throws {
        let log = try FeedLog(bytes: 4096)
        log.append(1)
        log.append(2, length: 5000)
        #expect(log.count == 1)
        #expect(log.head == 100)
    }
}

@Suite struct RecentIDsTests {
    @Test func remembersTheLastOnes() {
        var recent = RecentIDs(capacity: 3)
        let isNew = [1, 2, 3, 1, 4, 2, 3, 1].map { recent.insert($0) }
        // The last 1 is new again: it was the oldest when 4 came, and is forgotten.
        #expect(isNew == [true, true, true, false, true, false, false, true])
    }
}
