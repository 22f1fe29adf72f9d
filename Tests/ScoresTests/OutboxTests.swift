import Bytes
import Scores
import Testing

@Suite struct OutboxTests {
    private let mark = (0..<10).map { FlushMark(high: UInt64($0), low: 0) }

    private func at(_ seconds: Int) -> Instant { Instant(nanoseconds: Int64(seconds) * 1_000_000_000) }

    private func drafts(_ names: String...) -> [Outbox.Draft] {
        names.map { Outbox.Draft(scores: 1, body: [UInt8]($0.utf8)) }
    }

    private func take(_ outbox: inout Outbox, _ now: Instant) throws -> Outbox.Message {
        let message = outbox.next(now)
        return try #require(message)
    }

    private func text(_ message: Outbox.Message?) -> String? {
        message.map { String(decoding: $0.body, as: UTF8.self) }
    }

    @Test func aFlushIsForgottenWhenAllItsMessagesAreConfirmed() throws {
        var outbox = Outbox()
        #expect(outbox.hold(mark[1], .own, drafts("a", "b"), until: at(8)) == true)
        let first = try take(&outbox, at(0))
        let second = try take(&outbox, at(0))
        #expect(outbox.next(at(0)) == nil)
        #expect([text(first), text(second)] == ["a", "b"])
        #expect(first.mark == mark[1] && first.part == 0 && second.part == 1)
        #expect(outbox.openCount == 2 && outbox.bytes == 2)
        outbox.confirmed(second.ticket)
        #expect(!outbox.hasForgotten, "one is not confirmed")
        outbox.confirmed(second.ticket)
        #expect(!outbox.hasForgotten, "a confirm counts once")
        outbox.confirmed(first.ticket)
        #expect(outbox.takeForgotten(atMost: 10) == [mark[1]])
        #expect(outbox.takeForgotten(atMost: 10) == [])
        #expect(outbox.openCount == 0 && outbox.bytes == 0)
    }

    @Test func whatIsRefusedGoesBeforeAllYounger() throws {
        var outbox = Outbox()
        for (index, name) in ["a", "b", "c"].enumerated() {
            #expect(outbox.hold(mark[index], .own, drafts(name), until: at(8)) == true)
        }
        let sent = try (0..<3).map { _ in try take(&outbox, at(0)) }
        #expect(outbox.hold(mark[3], .own, drafts("d"), until: at(8)) == true)
        outbox.refused(sent[2].ticket)
        outbox.refused(sent[0].ticket)
        outbox.refused(sent[0].ticket)
        #expect([text(outbox.next(at(0))), text(outbox.next(at(0))), text(outbox.next(at(0)))] == ["a", "c", "d"])
        outbox.confirmed(sent[1].ticket)
        #expect(outbox.takeForgotten(atMost: 10) == [mark[1]])
    }

    @Test func whatIsPastItsLeaseIsLetGo() throws {
        var outbox = Outbox()
        #expect(outbox.hold(mark[1], .own, drafts("a", "b"), until: at(8)) == true)
        #expect(outbox.hold(mark[2], .own, drafts("c"), until: at(9)) == true)
        let first = try take(&outbox, at(7))
        let next = try take(&outbox, at(8))
        #expect(text(next) == "c", "b is let go: who takes the flush over publishes both")
        outbox.confirmed(first.ticket)
        outbox.confirmed(next.ticket)
        #expect(outbox.takeForgotten(atMost: 10) == [mark[2]], "the row of the other must stay")
        #expect(outbox.openCount == 0 && outbox.bytes == 0)
    }

    @Test func lettingGoGivesMemoryBackWhileNothingIsPublished() {
        var outbox = Outbox(limit: 2)
        #expect(outbox.hold(mark[1], .own, drafts("a"), until: at(8)) == true)
        #expect(outbox.hold(mark[2], .own, drafts("b"), until: at(9)) == true)
        #expect(!outbox.hasRoom)
        #expect(outbox.hold(mark[3], .own, drafts("c"), until: at(10)) == false)
        outbox.expire(at(7))
        #expect(!outbox.hasRoom)
        outbox.expire(at(8))
        #expect(outbox.hasRoom)
        #expect(outbox.openCount == 1)
        #expect(text(outbox.next(at(8))) == "b")
    }

    @Test func whatHasNoRowIsHeldWithoutRoomAsNobodyElseHasIt() throws {
        var outbox = Outbox(limit: 1)
        #expect(outbox.hold(mark[1], .own, drafts("a"), until: .distantFuture, hasRow: false) == true)
        #expect(outbox.hold(mark[2], .own, drafts("b"), until: at(8)) == false)
        #expect(outbox.hold(mark[3], .own, drafts("c"), until: .distantFuture, hasRow: false) == true)
        #expect(try [text(take(&outbox, at(0))), text(take(&outbox, at(0)))] == ["a", "c"])
    }

    @Test func aConfirmAfterTheLeaseStillForgets() throws {
        var outbox = Outbox()
        #expect(outbox.hold(mark[1], .own, drafts("a"), until: at(8)) == true)
        let message = try take(&outbox, at(7))
        outbox.expire(at(20))
        outbox.confirmed(message.ticket)
        #expect(outbox.takeForgotten(atMost: 1) == [mark[1]])
    }

    @Test func aRefusalAfterTheLeaseLetsGo() throws {
        var outbox = Outbox()
        #expect(outbox.hold(mark[1], .own, drafts("a"), until: at(8)) == true)
        let message = try take(&outbox, at(7))
        outbox.refused(message.ticket)
        #expect(outbox.next(at(8)) == nil)
        #expect(!outbox.hasForgotten && outbox.openCount == 0 && outbox.bytes == 0)
    }

    @Test func takenFlushesGoInTurnWithOwnOnesAndAreMarkedNotForgotten() throws {
        var outbox = Outbox()
        #expect(outbox.hold(mark[1], .taken, drafts("t1", "t2", "t3"), until: at(8)) == true)
        #expect(outbox.hold(mark[2], .own, drafts("o1"), until: at(8)) == true)
        #expect(outbox.hold(mark[3], .own, drafts("o2"), until: at(8)) == true)
        #expect(outbox.takenCount == 3)
        var messages: [Outbox.Message] = []
        while let message = outbox.next(at(0)) { messages.append(message) }
        #expect(messages.map { text($0) } == ["o1", "t1", "o2", "t2", "t3"])
        for message in messages { outbox.confirmed(message.ticket) }
        #expect(outbox.takeDelivered() == [mark[1]])
        #expect(outbox.takeDelivered() == [])
        #expect(outbox.takeForgotten(atMost: 1) == [mark[2]])
        #expect(outbox.takeForgotten(atMost: 1) == [mark[3]])
        #expect(outbox.takenCount == 0)
        outbox.giveBack(forgotten: [mark[2]])
        #expect(outbox.takeForgotten(atMost: 5) == [mark[2]])
    }

    @Test func aFlushIsHeldOnce() {
        var outbox = Outbox()
        #expect(outbox.hold(mark[1], .own, drafts("a"), until: at(8)) == true)
        #expect(
            outbox.hold(mark[1], .taken, drafts("a"), until: at(18)) == false, "on its way: it is published already")
        #expect(outbox.openCount == 1)
    }

    /// Several processes with an outbox each over one table with leases, a broker that takes, refuses and loses, processes
    /// that stop for a while or die: whatever the schedule, every flush that was stored reaches the broker, and no row is
    /// forgotten before.
    @Test(arguments: 0..<60)
    func everythingStoredIsPublished(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var table: [FlushMark: Instant] = [:]
        var broker: [FlushMark: Set<Int>] = [:]
        var processes = (0..<3).map { _ in Outbox(limit: 40) }
        var stopped = [0, 0, 0]
        var awaiting: [[UInt64: Outbox.Message]] = [[:], [:], [:]]
        var stored = 0
        var clock = 0

        func forget(_ index: Int) {
            for mark in processes[index].takeForgotten(atMost: 3) + processes[index].takeDelivered() {
                if broker[mark]?.count != 2 { Issue.record("\(mark) was forgotten and is not published") }
                table[mark] = nil
            }
        }

        for step in 0..<20_000 {
            let isEnding = step > 900
            if Int.random(in: 0..<(isEnding ? 8 : 2), using: &generator) == 0 { clock += 1 }
            let now = at(clock)
            if isEnding, table.isEmpty { break }
            let index = Int.random(in: 0..<3, using: &generator)
            guard clock >= stopped[index] else { continue }
            switch Int.random(in: 0..<(isEnding ? 7 : 10), using: &generator) {
            case 0 where !isEnding, 1 where !isEnding:
                stored += 1
                let mark = FlushMark(high: UInt64(stored), low: UInt64(seed))
                let isHeld = processes[index].hasRoom
                table[mark] = isHeld ? now + .seconds(10) : now
                if isHeld { _ = processes[index].hold(mark, .own, drafts("x", "y"), until: now + .seconds(8)) }
            case 2:
                let due = table.filter { $0.value <= now }.keys.sorted().prefix(2)
                for mark in due {
                    table[mark] = now + .seconds(10)
                    _ = processes[index].hold(mark, .taken, drafts("x", "y"), until: now + .seconds(8))
                }
            case 3, 4:
                while let message = processes[index].next(now) { awaiting[index][message.ticket] = message }
            case 5:
                for (ticket, message) in awaiting[index].sorted(by: { $0.key < $1.key }) {
                    if isEnding || Bool.random(using: &generator) {
                        broker[message.mark, default: []].insert(message.part)
                        processes[index].confirmed(ticket)
                    } else if Bool.random(using: &generator) {
                        processes[index].refused(ticket)
                    } else {
                        continue
                    }
                    awaiting[index][ticket] = nil
                }
            case 6: forget(index)
            case 7: stopped[index] = clock + Int.random(in: 1...20, using: &generator)
            case 8 where Int.random(in: 0..<5, using: &generator) == 0:
                processes[index] = Outbox(limit: 40)
                awaiting[index] = [:]
            default: processes[index].expire(now)
            }
        }
        #expect(table.count == 0, "rows are left")
        #expect(broker.values.count { $0.count == 2 } == stored && stored > 20)
    }
}

@Suite struct FlushMarkTests {
    @Test func isAUUIDOfVersion7() {
        var source = FlushMarkSource()
        let mark = source.next(unixMilliseconds: 0x017F_22E2_79B0, random: .max)
        #expect(mark.high == 0x017F_22E2_79B0_7000)
        #expect(mark.low == 0xBFFF_FFFF_FFFF_FFFF)
        #expect(source.next(unixMilliseconds: 0x017F_22E2_79B0, random: 0).low == 0x8000_0000_0000_0000)
    }

    @Test func sortsAsItWasMadeWhateverTheClockDoes() {
        var source = FlushMarkSource()
        var marks: [FlushMark] = []
        for time: Int64 in [100, 100, 100, 101, 99, 50, 102] {
            marks.append(source.next(unixMilliseconds: time, random: .random(in: .min ... .max)))
        }
        for _ in 0..<10_000 { marks.append(source.next(unixMilliseconds: 102, random: 0)) }
        #expect(zip(marks, marks.dropFirst()).allSatisfy { $0 < $1 })
        #expect(marks.allSatisfy { $0.high >> 12 & 0xF == 7 })
    }

    @Test func comesBackFromItsBytes() {
        let bytes = (1...16).map { UInt8($0) }
        #expect(FlushMark(bytes.span) == FlushMark(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10))
    }
}

@Suite struct IdempotencyKeyTests {
    private func parse(_ text: String) -> String? {
        let bytes = [UInt8](text.utf8)
        do throws(Problem) {
            return String(decoding: try IdempotencyKey.parse(bytes.span), as: UTF8.self)
        } catch {
            #expect(error.status == 400)
            return nil
        }
    }

    @Test(arguments: [
        (#""8e03978e-40d5-43e8-bc93-6894a57f9324""#, "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        (#""a b""#, "a b"), (#""a\"b\\c""#, #"a"b\c"#), ("a/b:c;d=e", "a/b:c;d=e"),
    ])
    func takes(text: String, key: String) {
        #expect(parse(text) == key)
    }

    @Test(arguments: [
        "", #""""#, #"""#, #""a"#, #"a""#, #""a"b""#, #""a\n""#, #""a\"#, "a b", "a,b", "a\u{7F}", "é", #""é""#,
        #""a";x=1"#,
    ])
    func refuses(text: String) {
        #expect(parse(text) == nil)
    }

    @Test func hasALimit() {
        #expect(parse(String(repeating: "k", count: 255))?.count == 255)
        #expect(parse(String(repeating: "k", count: 256)) == nil)
    }
}
