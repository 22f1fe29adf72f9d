import Bytes
import Scores
import Testing

@Suite struct WriteBatchTests {
    private typealias Batch = WriteBatch<Int>

    @Test func whatArrivesDuringAFlushIsTheNextOne() throws {
        var batch = Batch()
        #expect(batch.takeFlush() == nil)
        #expect(append("ada", 3, 100, to: &batch))
        let first = try take(&batch)
        #expect(first.tickets == [100])
        #expect(append("bob", -5, 101, to: &batch))
        #expect(append("J\\u00f6rgen", 7, 102, to: &batch))
        #expect(batch.takeFlush() == nil, "one in flight")
        #expect(batch.waitingCount == 2)
        batch.stored(first.id)
        let second = try take(&batch)
        #expect(second.tickets == [101, 102])
        #expect(second.rows.users == [UInt8]("bobJörgen"))
        #expect(second.rows.userEnds == [3, 10])
        #expect(second.rows.scores == [-5, 7])
        let names = second.tickets.indices.map { second.rows.user(at: $0).text }
        #expect(names == ["bob", "Jörgen"])
        #expect(batch.waitingCount == 0)
        batch.stored(second.id)
        #expect(batch.takeFlush() == nil)
    }

    @Test func allowsSeveralInFlightAndAnyOrderOfAnswers() throws {
        var batch = Batch(flushesInFlight: 2, rowsPerFlush: 2)
        for ticket in 0..<5 { #expect(append("u", Int32(ticket), ticket, to: &batch)) }
        let first = try take(&batch)
        let second = try take(&batch)
        #expect(first.tickets == [0, 1])
        #expect(second.tickets == [2, 3])
        #expect(batch.takeFlush() == nil)
        batch.stored(second.id)
        #expect(batch.takeFlush()?.tickets == [4])
        #expect(batch.takeFlush() == nil)
        batch.stored(first.id)
    }

    @Test func refusesWhenTooManyWait() throws {
        var batch = Batch(rowsPerFlush: 2, waitingRows: 3)
        for ticket in 0..<3 { #expect(append("u", 0, ticket, to: &batch)) }
        #expect(!append("u", 0, 3, to: &batch))
        let flush = try take(&batch)
        #expect(append("u", 0, 4, to: &batch), "rows in flight do not wait")
        #expect(append("u", 0, 5, to: &batch))
        #expect(!append("u", 0, 6, to: &batch))
        #expect(batch.failed(flush.id, .transient) == .again)
        #expect(batch.waitingCount == 5)
        #expect(!append("u", 0, 7, to: &batch), "rows that came back count")
        #expect(batch.takeFlush()?.tickets == [0, 1])
    }

    @Test func aBadRowIsFoundAndItsNeighboursAreStored() throws {
        var batch = Batch()
        for ticket in 0..<8 { #expect(append(ticket == 5 ? "bad" : "u\(ticket)", 0, ticket, to: &batch)) }
        var transcript: [String] = []
        var statements = 0
        while let flush = batch.takeFlush() {
            statements += 1
            if flush.rows.users.contains(UInt8(ascii: "b")) {
                transcript.append("\(flush.tickets) \(batch.failed(flush.id, .data))")
            } else {
                transcript.append("\(flush.tickets) stored")
                batch.stored(flush.id)
            }
        }
        #expect(
            transcript == [
                "[0, 1, 2, 3, 4, 5, 6, 7] again", "[0, 1, 2, 3] stored", "[4, 5, 6, 7] again", "[4, 5] again",
                "[4] stored",
                "[5] rejected(5)", "[6, 7] stored",
            ])
        #expect(batch.waitingCount == 0)
    }

    @Test func halvesKeepTheirRows() throws {
        var batch = Batch()
        for (ticket, name) in ["a", "", "ccc", "dd", "é"].enumerated() where !name.isEmpty {
            #expect(append(name, Int32(ticket), ticket, to: &batch))
        }
        let whole = try take(&batch)
        #expect(batch.failed(whole.id, .data) == .again)
        let left = try take(&batch)
        batch.stored(left.id)
        let right = try take(&batch)
        #expect(left.rows.users == [UInt8]("accc"))
        #expect(left.rows.userEnds == [1, 4])
        #expect(right.rows.users == [UInt8]("ddé"))
        #expect(right.rows.userEnds == [2, 4])
        #expect(right.rows.scores == [3, 4])
        let ids = [whole.id, left.id, right.id]
        #expect(Set(ids).count == 3, "a late answer to the whole is not one to a half")
    }

    @Test func triesAgainSoOftenAndThenSaysSo() throws {
        var batch = Batch()
        #expect(append("a", 1, 1, to: &batch))
        #expect(append("b", 2, 2, to: &batch))
        for attempt in 1...ScoreLimits.flushAttempts {
            let flush = try take(&batch)
            #expect(flush.tickets == [1, 2])
            let verdict = batch.failed(flush.id, .transient)
            #expect(verdict == (attempt < ScoreLimits.flushAttempts ? .again : .unavailable([1, 2])))
        }
        #expect(batch.takeFlush() == nil)
    }

    @Test func whatIsHopelessIsNotTriedAgain() throws {
        var batch = Batch()
        #expect(append("a", 1, 1, to: &batch))
        let flush = try take(&batch)
        #expect(append("b", 2, 2, to: &batch))
        #expect(batch.failed(flush.id, .hopeless) == .unavailable([1]))
        #expect(batch.takeFlush()?.tickets == [2])
    }

    @Test func aLostConnectionLeavesTheOutcomeUnknown() throws {
        var batch = Batch(flushesInFlight: 2, rowsPerFlush: 1)
        for ticket in 0..<4 { #expect(append("u", 0, ticket, to: &batch)) }
        let first = try take(&batch)
        let second = try take(&batch)
        #expect(batch.failed(first.id, .unknown(until: Instant(nanoseconds: 50))) == .unresolved)
        #expect(batch.failed(second.id, .unknown(until: Instant(nanoseconds: 60))) == .unresolved)
        #expect(batch.drain() == [2, 3], "these were never sent")
        #expect(batch.waitingCount == 0)
        #expect(batch.takeFlush() == nil)
        #expect(batch.isUnresolved(first.id) && batch.isUnresolved(second.id))
        #expect(batch.expireUnresolved(Instant(nanoseconds: 49)) == [])
        #expect(batch.expireUnresolved(Instant(nanoseconds: 50)) == [0])
        #expect(batch.expireUnresolved(Instant(nanoseconds: 50)) == [], "once")
        #expect(batch.foundStored(first.id) == nil, "too late")
        #expect(batch.foundAbsent(first.id) == nil, "too late")
        #expect(batch.foundStored(second.id)?.tickets == [1])
        #expect(batch.foundStored(second.id) == nil, "once")
        #expect(!batch.isUnresolved(first.id) && !batch.isUnresolved(second.id))
    }

    @Test func whatIsFoundAbsentIsStoredAgainUnderAnotherID() throws {
        var batch = Batch()
        #expect(append("a", 1, 1, to: &batch))
        var flush = try take(&batch)
        #expect(append("b", 2, 2, to: &batch))
        for attempt in 1...ScoreLimits.flushAttempts {
            #expect(batch.failed(flush.id, .unknown(until: .distantFuture)) == .unresolved)
            #expect(batch.isUnresolved(flush.id))
            let verdict = batch.foundAbsent(flush.id)
            #expect(verdict == (attempt < ScoreLimits.flushAttempts ? .again : .unavailable([1])))
            let next = try take(&batch)
            #expect(next.id != flush.id, "a late answer to the lost one is not one to this")
            #expect(next.tickets == (attempt < ScoreLimits.flushAttempts ? [1] : [2]), "before what waits")
            flush = next
        }
    }

    @Test func aFlushIsMadeOfWholeUnits() throws {
        var batch = Batch(rowsPerFlush: 4, waitingRows: 9)
        #expect(append("a", 1, 1, to: &batch))
        #expect(batch.append(rows("bcd", 2), ticket: 2) == true)
        #expect(batch.append(rows("ef", 5), ticket: 3) == true, "does not fit the first flush")
        #expect(append("g", 7, 4, to: &batch))
        #expect(batch.append(rows("hij", 8), ticket: 5) == false, "two rows may wait")
        #expect(batch.append(rows("hi", 8), ticket: 6) == true)
        #expect(!append("j", 9, 7, to: &batch))
        let first = try take(&batch)
        #expect(first.units.map(\.ticket) == [1, 2] && first.units.map(\.rows) == [1, 3])
        #expect(first.rows.users == [UInt8]("abcd"))
        #expect(first.rows.scores == [1, 2, 3, 4])
        batch.stored(first.id)
        let second = try take(&batch)
        #expect(second.tickets == [3, 4])
        #expect(second.rows.userEnds == [1, 2, 3])
        batch.stored(second.id)
        #expect(batch.takeFlush()?.tickets == [6])
    }

    @Test func aUnitIsNeverDivided() throws {
        var batch = Batch()
        #expect(batch.append(rows("abc", 0), ticket: 1) == true)
        #expect(batch.append(rows("dX", 0), ticket: 2) == true)
        #expect(batch.append(rows("ef", 0), ticket: 3) == true)
        var transcript: [String] = []
        while let flush = batch.takeFlush() {
            let names = String(decoding: flush.rows.users, as: UTF8.self)
            if names.contains("X") {
                transcript.append("\(names) \(batch.failed(flush.id, .data))")
            } else {
                transcript.append("\(names) stored")
                batch.stored(flush.id)
            }
        }
        #expect(transcript == ["abcdXef again", "abc stored", "dXef again", "dX rejected(2)", "ef stored"])
    }

    /// A database that refuses some rows, has passing trouble and loses connections, against the promise: every ticket
    /// that was accepted is told exactly one outcome, and the one that is true.
    @Test(arguments: 0..<40)
    func keepsItsPromiseWhateverHappens(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var batch = Batch(
            flushesInFlight: Int.random(in: 1...3, using: &generator),
            rowsPerFlush: Int.random(in: 1...20, using: &generator),
            waitingRows: 60)
        var database: [Int] = []
        var told: [Int: String] = [:]
        var inFlight: [Batch.Flush] = []
        var accepted = 0
        func tell(_ tickets: [Int], _ outcome: String) {
            for ticket in tickets {
                if told.updateValue(outcome, forKey: ticket) != nil { Issue.record("\(ticket) was told twice") }
            }
        }
        for step in 0..<600 {
            let isEnding = step > 400
            if !isEnding, Bool.random(using: &generator) {
                // The score is the ticket, and every eleventh name is what the database refuses.
                let name = accepted % 11 == 7 ? "bad" : String(repeating: "é", count: accepted % 5 + 1)
                if append(name, Int32(accepted), accepted, to: &batch) { accepted += 1 }
            }
            if let flush = batch.takeFlush() {
                if flush.rows.scores.map(Int.init) != flush.tickets { Issue.record("rows and tickets differ") }
                inFlight.append(flush)
            }
            guard !inFlight.isEmpty, Int.random(in: 0..<3, using: &generator) == 0 else { continue }
            let flush = inFlight.remove(at: Int.random(in: 0..<inFlight.count, using: &generator))
            let isBad = flush.tickets.indices.contains { flush.rows.user(at: $0).equals("bad") }
            let trouble = isEnding ? 99 : Int.random(in: 0..<20, using: &generator)
            let failure: Batch.Failure? =
                trouble < 2 ? .transient : trouble == 2 ? .unknown(until: .distantFuture) : isBad ? .data : nil
            guard let failure else {
                database += flush.tickets
                batch.stored(flush.id)
                tell(flush.tickets, "stored")
                continue
            }
            switch batch.failed(flush.id, failure) {
            case .again: break
            case .rejected(let ticket): tell([ticket], "rejected")
            case .unavailable(let tickets): tell(tickets, "unavailable")
            case .unresolved:
                // It was committed or not; it is found out, or not in time.
                switch Int.random(in: 0..<3, using: &generator) {
                case 0 where !isBad:
                    database += flush.tickets
                    tell(batch.foundStored(flush.id)?.tickets ?? [], "stored")
                case 1:
                    if case .unavailable(let tickets) = batch.foundAbsent(flush.id) { tell(tickets, "unavailable") }
                default: tell(batch.expireUnresolved(.distantFuture), "unknown")
                }
            }
        }
        if !inFlight.isEmpty || batch.waitingCount > 0 {
            tell(inFlight.flatMap(\.tickets) + batch.drain(), "unavailable")
        }
        #expect(told.count == accepted)
        #expect(Set(database).count == database.count, "nothing is stored twice")
        #expect(Set(database) == Set(told.filter { $0.value == "stored" }.keys))
        #expect(told.filter { $0.value == "rejected" }.keys.allSatisfy { $0 % 11 == 7 })
        #expect(!database.contains { $0 % 11 == 7 })
        #expect(accepted > 50)
    }

    private func take(_ batch: inout Batch) throws -> Batch.Flush {
        let flush = batch.takeFlush()
        return try #require(flush)
    }

    /// A batch of users with names of one letter.
    private func rows(_ names: String, _ score: Int) -> ScoreRows {
        var rows = ScoreRows()
        for (index, name) in names.enumerated() {
            let body = [UInt8](#"{"user":"\#(name)","score":\#(score + index)}"#)
            do throws(Problem) {
                rows.append(try ScoreSubmission.parse(body.span), from: body.span)
            } catch {
                Issue.record("\(error)")
            }
        }
        return rows
    }

    private func append(_ name: String, _ score: Int32, _ ticket: Int, to batch: inout Batch) -> Bool {
        let body = [UInt8](#"{"user":"\#(name)","score":\#(score)}"#)
        do throws(Problem) {
            return batch.append(try ScoreSubmission.parse(body.span), from: body.span, ticket: ticket)
        } catch {
            Issue.record("\(error)")
            return false
        }
    }
}
