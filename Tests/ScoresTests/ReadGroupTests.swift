import Scores
import Testing

@Suite struct ReadGroupTests {
    private typealias Group = ReadGroup<String, Int>

    @Test func thoseWhoComeDuringAQueryShareTheNext() throws {
        var group = Group()
        let first = try started(group.join("all", 1))
        #expect(first.key == "all")
        #expect(group.join("all", 2) == .wait)
        #expect(group.join("all", 3) == .wait)
        #expect(group.tickets(of: first.id) == [1], "2 and 3 may have asked after it read")
        let end = group.finished(first.id)
        #expect(end.tickets == [1])
        let second = try #require(end.next)
        #expect(second.key == "all")
        #expect(second.id != first.id)
        #expect(group.tickets(of: second.id) == [2, 3])
        #expect(group.waitingCount == 0)
        let last = group.finished(second.id)
        #expect(last.tickets == [2, 3])
        #expect(last.next == nil)
    }

    @Test func shapesDoNotWaitForOneAnother() throws {
        var group = Group()
        let all = try started(group.join("all", 1))
        let one = try started(group.join("one", 2))
        #expect(group.finished(one.id).tickets == [2])
        #expect(group.finished(all.id).tickets == [1])
    }

    @Test func shapesQueueForTheirTurn() throws {
        var group = Group(runningReads: 2)
        let a = try started(group.join("a", 1))
        _ = try started(group.join("b", 2))
        #expect(group.join("c", 3) == .wait)
        #expect(group.join("d", 4) == .wait)
        #expect(group.join("c", 5) == .wait)
        #expect(group.join("a", 6) == .wait)
        let c = try next(&group, after: a)
        #expect(c.key == "c")
        #expect(group.tickets(of: c.id) == [3, 5])
        #expect(group.join("c", 7) == .wait, "it runs: the next one")
        let d = try next(&group, after: c)
        #expect(d.key == "d", "d waited longer than the second round of a and c")
        let again = try next(&group, after: d)
        #expect(again.key == "a")
        #expect(group.finished(again.id).next?.key == "c")
    }

    @Test func refusesWhenTooManyWait() throws {
        var group = Group(waitingReads: 2)
        let first = try started(group.join("a", 1))
        #expect(group.join("a", 2) == .wait)
        #expect(group.join("a", 3) == .wait)
        #expect(group.join("a", 4) == .full)
        _ = try started(group.join("b", 5))
        #expect(group.finished(first.id).next != nil)
        #expect(group.join("a", 6) == .wait)
    }

    @Test func givesUpEverything() throws {
        var group = Group(runningReads: 1)
        _ = try started(group.join("a", 1))
        #expect(group.join("a", 2) == .wait)
        #expect(group.join("b", 3) == .wait)
        #expect(group.drain().sorted() == [1, 2, 3])
        #expect(group.waitingCount == 0)
        _ = try started(group.join("a", 4))
    }

    /// Against a plain model of time: who is answered by a query joined before it started, and everyone is answered.
    @Test(arguments: 0..<20)
    func answersEveryoneWithWhatWasThereWhenTheyAsked(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var group = Group(runningReads: 3, waitingReads: 30)
        var running: [Group.Start] = []
        var startedAt: [UInt64: Int] = [:]
        var joinedAt: [Int: (key: String, time: Int)] = [:]
        var answered: Set<Int> = []
        for time in 0..<500 {
            if time < 400, Bool.random(using: &generator) {
                let key = ["a", "b", "c", "d", "e", "f"].randomElement(using: &generator) ?? ""
                switch group.join(key, time) {
                case .start(let start):
                    running.append(start)
                    startedAt[start.id] = time
                    joinedAt[time] = (key, time)
                case .wait: joinedAt[time] = (key, time)
                case .full: break
                }
            } else if !running.isEmpty {
                let query = running.remove(at: Int.random(in: 0..<running.count, using: &generator))
                let end = group.finished(query.id)
                for ticket in end.tickets {
                    let joined = try #require(joinedAt[ticket])
                    #expect(joined.key == query.key && joined.time <= startedAt[query.id] ?? -1)
                    #expect(answered.insert(ticket).inserted)
                }
                if let next = end.next {
                    running.append(next)
                    startedAt[next.id] = time
                }
            }
            #expect(running.count <= 3 && Set(running.map(\.key)).count == running.count)
        }
        #expect(answered == Set(joinedAt.keys))
    }

    private func next(_ group: inout Group, after query: Group.Start) throws -> Group.Start {
        let next = group.finished(query.id).next
        return try #require(next)
    }

    private func started(_ joined: Group.Joined) throws -> Group.Start {
        guard case .start(let start) = joined else { throw Expected() }
        return start
    }

    private struct Expected: Error {}
}
