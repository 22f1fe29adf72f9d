import Bytes
import Testing

@testable import Gateway

/// A frame of `length` bytes that can be told from others.
private func frame(_ id: Int64, length: Int) -> [UInt8] {
    (0..<length).map { UInt8(truncatingIfNeeded: Int(id) &* 31 &+ $0) }
}

extension FeedLog {
    fileprivate func append(_ id: Int64, length: Int = 100) {
        frame(id, length: length).withUnsafeBytes { _ = append($0, id: id, .bus, seen: .distantPast) }
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

    @Test func whatIsAboveAnIdBeginsWithTheFirstOne() throws {
        let log = try FeedLog(bytes: 1 << 16)
        #expect(log.position(after: 7) == nil, "before it is filled it cannot know")
        log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantFuture))
        for id in [Int64](arrayLiteral: 1, 2, 5, 3, 4, 6) { log.append(id) }
        #expect((0...7).map { log.position(after: $0) } == [0, 100, 200, 200, 200, 500, 600, 600])
        // A score without an id is newer than any.
        for id in [Int64](arrayLiteral: 0, 7) { log.append(id) }
        #expect(log.position(after: 7) == 600)
    }

    @Test func belowTheFloorTheStoreMustBeAsked() throws {
        let log = try FeedLog(bytes: 4096)
        log.filled(FeedFilling(floor: 5, lateIDs: 0, since: .distantFuture))
        log.append(6)
        #expect(log.position(after: 4) == nil)
        #expect(log.position(after: 5) == 0)
        for id in Int64(7)...100 { log.append(id) }
        let oldest = 100 - log.count + 1
        #expect(log.position(after: Int64(oldest) - 2) == nil, "dropped from the ring")
        #expect(log.position(after: Int64(oldest) - 1) == log.tail)
    }

    @Test func onceAScoreWithoutIdWasDroppedTheStoreMustBeAsked() throws {
        let log = try FeedLog(bytes: 4096)
        log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantFuture))
        log.append(1)
        log.append(0)
        for id in Int64(3)...50 { log.append(id) }
        #expect(log.position(after: 50) == nil)
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

    @Test func aCopyIsTheSameLogAndThenOneOfItsOwn() throws {
        let log = try FeedLog(bytes: 4096)
        log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantPast))
        // Its bytes go over the end of the ring.
        for id in Int64(1)...61 { log.append(id, length: 90 + Int(id % 20)) }
        let copy = try FeedLog(copy: log)
        #expect(copy.head == log.head)
        #expect(copy.tail == log.tail)
        #expect(Array(copy.bytes(from: copy.tail)) == Array(log.bytes(from: log.tail)))
        for id in Int64(0)...70 { #expect(copy.position(after: id) == log.position(after: id)) }

        log.append(62)
        copy.append(62, length: 20)
        copy.append(63, length: 20)
        #expect(log.head == copy.head + 60)
        #expect(log.position(after: 62) == log.head)
        #expect(copy.position(after: 62) == copy.head - 20)
        #expect(Array(log.bytes(from: log.head - 100)) == frame(62, length: 100))
        #expect(Array(copy.bytes(from: copy.head - 40)) == frame(62, length: 20) + frame(63, length: 20))
    }
}
