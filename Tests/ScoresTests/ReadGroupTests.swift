import Scores
import Testing

@Suite struct ReadGroupTests {
    private typealias Group = ReadGroup<String, Int>

    @Test func thoseWhoComeBeforeAQueryShareIt() throws {
        var group = Group()
        join(&group, "all", 1)
        join(&group, "all", 2)
        let first = try start(&group, "all")
        #expect(group.tickets(of: first) == [1, 2])
        #expect(group.takeStart() == nil)
    }

    @Test func thoseWhoComeDuringAQueryShareTheNext() throws {
        var group = Group(readsOfOneShape: 1)
        join(&group, "all", 1)
        let first = try start(&group, "all")
        join(&group, "all", 2)
        join(&group, "all", 3)
        #expect(group.takeStart() == nil, "of one shape one query runs at a time")
        #expect(group.tickets(of: first) == [1], "2 and 3 may have asked after it read")
        #expect(group.finished(first) == [1])
        let second = try start(&group, "all")
        #expect(second != first)
        #expect(group.tickets(of: second) == [2, 3])
        #expect(group.waitingCount == 0)
        #expect(group.finished(second) == [2, 3])
        #expect(group.takeStart() == nil)
    }

    @Test func aSecondOneIsOnItsWayWhileTheFirstRuns() throws {
        var group = Group()
        join(&group, "all", 1)
        let first = try start(&group, "all")
        join(&group, "all", 2)
        let second = try start(&group, "all")
        #expect(group.tickets(of: second) == [2], "1 may read what is older than 2's question")
        join(&group, "all", 3)
        #expect(group.takeStart() == nil, "two run: 3 shares with whoever comes now")
        join(&group, "all", 4)
        #expect(group.finished(first) == [1])
        let third = try start(&group, "all")
        #expect(group.tickets(of: third) == [3, 4])
        #expect(group.finished(second) == [2])
        #expect(group.takeStart() == nil)
        #expect(group.finished(third) == [3, 4])
        #expect(group.takeStart() == nil)
    }

    @Test func aShapeThatWaitsIsInTheQueueOnce() throws {
        var group = Group(runningReads: 2)
        join(&group, "a", 1)
        let first = try start(&group, "a")
        join(&group, "a", 2)
        let second = try start(&group, "a")
        join(&group, "a", 3)
        #expect(group.finished(first) == [1])
        #expect(group.finished(second) == [2])
        #expect(group.finished(try start(&group, "a")) == [3])
        #expect(group.takeStart() == nil)
    }

    @Test func shapesDoNotWaitForOneAnother() throws {
        var group = Group()
        join(&group, "all", 1)
        join(&group, "one", 2)
        let all = try start(&group, "all")
        let one = try start(&group, "one")
        #expect(group.finished(one) == [2])
        #expect(group.finished(all) == [1])
    }

    @Test func shapesQueueForTheirTurn() throws {
        var group = Group(runningReads: 2, readsOfOneShape: 1)
        join(&group, "a", 1)
        join(&group, "b", 2)
        let a = try start(&group, "a")
        _ = try start(&group, "b")
        join(&group, "c", 3)
        join(&group, "d", 4)
        join(&group, "c", 5)
        join(&group, "a", 6)
        #expect(group.takeStart() == nil, "two run")
        #expect(group.finished(a) == [1])
        let c = try start(&group, "c")
        #expect(group.tickets(of: c) == [3, 5])
        join(&group, "c", 7)  // it runs: the next one
        #expect(group.finished(c) == [3, 5])
        let d = try start(&group, "d")
        #expect(group.finished(d) == [4], "d waited longer than the second round of a and c")
        let again = try start(&group, "a")
        #expect(group.finished(again) == [6])
        _ = try start(&group, "c")
    }

    @Test func refusesWhenTooManyWait() throws {
        var group = Group(waitingReads: 2)
        join(&group, "a", 1)
        let first = try start(&group, "a")
        join(&group, "a", 2)
        join(&group, "a", 3)
        let fourth = group.join("a", 4)
        #expect(!fourth)
        let other = group.join("b", 5)
        #expect(!other, "of whatever shape")
        #expect(group.finished(first) == [1])
        _ = try start(&group, "a")
        join(&group, "a", 6)
    }

    @Test func givesUpEverything() throws {
        var group = Group(runningReads: 1)
        join(&group, "a", 1)
        _ = try start(&group, "a")
        join(&group, "a", 2)
        join(&group, "b", 3)
        #expect(group.drain().sorted() == [1, 2, 3])
        #expect(group.waitingCount == 0)
        #expect(group.takeStart() == nil)
        join(&group, "a", 4)
        _ = try start(&group, "a")
    }

    /// Against a plain model of time: who is answered by a query joined before it started, and everyone is answered.
    @Test(arguments: 0..<20)
    func answersEveryoneWithWhatWasThereWhenTheyAsked(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let ofOneShape = 1 + Int(seed % 3)
        var group = Group(runningReads: 3, readsOfOneShape: ofOneShape, waitingReads: 30)
        var running: [Group.Start] = []
        var startedAt: [UInt64: Int] = [:]
        var joinedAt: [Int: (key: String, time: Int)] = [:]
        var answered: Set<Int> = []
        for time in 0..<500 {
            if time < 400, Bool.random(using: &generator) {
                let key = ["a", "b", "c", "d", "e", "f"].randomElement(using: &generator) ?? ""
                if group.join(key, time) { joinedAt[time] = (key, time) }
            } else if !running.isEmpty {
                let query = running.remove(at: Int.random(in: 0..<running.count, using: &generator))
                for ticket in group.finished(query.id) {
                    let joined = try #require(joinedAt[ticket])
                    #expect(joined.key == query.key && joined.time <= startedAt[query.id] ?? -1)
                    #expect(answered.insert(ticket).inserted)
                }
            }
            // As a turn of the reactor ends, or not: several join before the next queries start.
            while Bool.random(using: &generator) || time >= 400, let start = group.takeStart() {
                running.append(start)
                startedAt[start.id] = time
            }
            #expect(running.count <= 3)
            #expect(Dictionary(grouping: running, by: \.key).values.allSatisfy { $0.count <= ofOneShape })
        }
        #expect(answered == Set(joinedAt.keys))
    }

    private func join(_ group: inout Group, _ key: String, _ ticket: Int) {
        let isTaken = group.join(key, ticket)
        #expect(isTaken)
    }

    /// The query that starts now, which is of this shape.
    private func start(_ group: inout Group, _ key: String) throws -> UInt64 {
        let start = group.takeStart()
        #expect(start?.key == key)
        return try #require(start).id
    }
}
