import Bytes
import Scores
import Testing

@Suite struct SlackDigestTests {
    typealias Told = SlackDigest.Told

    private func at(_ seconds: Int) -> Instant { Instant(nanoseconds: Int64(seconds) * 1_000_000_000) }

    private func score(_ user: String, _ score: Int32 = 2) -> Score {
        Score(id: nil, user: [UInt8](user), score: score, createdAt: nil)
    }

    private func text(_ bytes: [UInt8]) throws -> String {
        try #require(String(validating: bytes, as: UTF8.self))
    }

    /// `count` scores p0, p1, … in deliveries of one each, tags from 1.
    private func digest(_ count: Int, user: (Int) -> String = { "p\($0)" }) -> SlackDigest {
        var digest = SlackDigest()
        for index in 0..<count { digest.take(score(user(index)), deliveryTag: UInt64(index + 1), now: at(index)) }
        return digest
    }

    private func lines(_ names: Range<Int>, more: Int = 0) -> String {
        (names.map { ":tada: p\($0) just scored 2 points" } + (more > 0 ? ["and \(more) more"] : []))
            .joined(separator: "\n")
    }

    @Test(
        arguments: [
            (1, 1, 0), (2, 2, 0), (19, 19, 0), (20, 20, 0), (21, 20, 1), (22, 20, 2), (1_000, 20, 980),
        ])
    func namesTwentyAndCountsTheRest(scores: Int, named: Int, more: Int) throws {
        var digest = digest(scores)
        #expect(digest.count == scores)
        #expect(digest.heldSince == at(0))
        #expect(try text(digest.begin()) == lines(0..<named, more: more))
        #expect(digest.count == scores, "not told before Slack says so")
        #expect(digest.posted() == Told(deliveryTag: UInt64(scores), scores: scores))
        #expect(digest.count == 0)
        #expect(digest.heldSince == .distantFuture)
    }

    @Test func aDeliveryOfManyScoresIsToldAsAWhole() throws {
        var digest = SlackDigest()
        for index in 0..<300 { digest.take(score("p\(index)"), deliveryTag: 7, now: at(0)) }
        #expect(try text(digest.begin()) == lines(0..<20, more: 280))
        #expect(digest.posted() == Told(deliveryTag: 7, scores: 300))
    }

    @Test func whatComesMeanwhileWaitsForTheNextMessage() throws {
        var digest = digest(2)
        #expect(try text(digest.begin()) == lines(0..<2))
        digest.take(score("p2"), deliveryTag: 3, now: at(9))
        #expect(digest.count == 3)
        #expect(digest.posted() == Told(deliveryTag: 2, scores: 2))
        #expect(digest.heldSince == at(9))
        #expect(try text(digest.begin()) == lines(2..<3))
        #expect(digest.posted() == Told(deliveryTag: 3, scores: 1))
    }

    @Test func whatFailedIsToldAgainWithWhatCameMeanwhile() throws {
        var digest = digest(15)
        _ = digest.begin()
        for index in 15..<30 { digest.take(score("p\(index)"), deliveryTag: UInt64(index + 1), now: at(index)) }
        digest.failed()
        #expect(digest.heldSince == at(0))
        #expect(try text(digest.begin()) == lines(0..<20, more: 10))
        digest.failed()
        #expect(try text(digest.begin()) == lines(0..<20, more: 10), "and again")
        #expect(digest.posted() == Told(deliveryTag: 30, scores: 30))
    }

    @Test func aLostConnectionTakesItsDeliveriesAlong() throws {
        var digest = digest(3)
        digest.forget()
        #expect(digest.count == 0)
        digest.take(score("p3"), deliveryTag: 4, now: at(4))
        _ = digest.begin()
        digest.forget()
        // The same comes again, with a tag of the next channel, before Slack has answered.
        digest.take(score("p3"), deliveryTag: 1 << 48 | 1, now: at(5))
        #expect(digest.posted() == nil, "the tag is of a channel that is gone")
        #expect(try text(digest.begin()) == lines(3..<4))
        digest.forget()
        digest.failed()
        #expect(digest.count == 0)
    }

    @Test(arguments: ["a", "é", "😀", "&"])
    func staysWithinSlacksLimit(character: String) throws {
        let user = String(repeating: character, count: ScoreLimits.userCharacters)
        var digest = digest(100) { _ in user }
        let text = try text(digest.begin())
        #expect(text.unicodeScalars.count <= ScoreLimits.slackText)
        let parts = text.split(separator: "\n")
        let named = parts.count - 1
        #expect(named == (character == "&" ? 3 : 14))
        #expect(parts.last == "and \(100 - named) more")
    }

    /// Names that are longer than the bus lets through: the first line is cut, and the number still fits.
    @Test func cutsTheFirstLineWhenItMust() throws {
        for count in [1, 2, 1_000_000] {
            var digest = SlackDigest()
            digest.take(score(String(repeating: "é", count: 5_000)), deliveryTag: 1, now: at(0))
            for _ in 1..<count { digest.take(score("p1"), deliveryTag: 2, now: at(0)) }
            let text = try text(digest.begin())
            #expect(text.unicodeScalars.count == ScoreLimits.slackText)
            #expect(text.hasSuffix(count == 1 ? "… just scored 2 points" : "\nand \(count - 1) more"))
        }
    }

    @Test func namesFewerWhenSlackWillNeverTakeTheText() throws {
        var digest = digest(30)
        for named in [20, 10, 5, 2, 1] {
            #expect(try text(digest.begin()) == lines(0..<named, more: 30 - named))
            #expect(digest.refused() == nil)
        }
        #expect(try text(digest.begin()) == "and 30 more")
        digest.take(score("p30"), deliveryTag: 31, now: at(31))
        #expect(digest.refused() == Told(deliveryTag: 30, scores: 30), "given up; what came meanwhile is not")
        #expect(try text(digest.begin()) == lines(30..<31), "with names again")
        #expect(digest.refused() == nil)
        #expect(try text(digest.begin()) == "and 1 more")
        #expect(digest.posted() == Told(deliveryTag: 31, scores: 1))
    }

    /// A broker that loses connections and a Slack that does what it likes, against the promise: every score is told by
    /// a message that Slack took before its delivery is acknowledged, a message tells exactly what it acknowledges, and
    /// no two messages reach Slack within a second.
    @Test(arguments: 0..<40)
    func keepsItsPromiseWhateverHappens(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var bus = Bus()
        var digest = SlackDigest()
        var pace = SlackPace()
        var now = at(1_000)
        var posts: [Instant] = []
        /// The message under way: what it told, and when Slack will have answered.
        var underWay: (held: [Bus.Delivery], epoch: Int, answer: Instant)?
        var told: Set<Int> = []
        for step in 0..<1_000 {
            let isEnding = step > 700
            now = now + .milliseconds(Int.random(in: 0...700, using: &generator))
            if !isEnding, Int.random(in: 0..<3, using: &generator) > 0 {
                bus.publish(Int.random(in: 1...(seed % 2 == 0 ? 3 : 256), using: &generator))
            }
            if Int.random(in: 0..<40, using: &generator) == 0 {
                bus.loseConnection()
                digest.forget()
                pace.rest(now)
            }
            for delivery in bus.deliver(Int.random(in: 0...30, using: &generator)) {
                for score in delivery.scores {
                    digest.take(self.score("p\(score)"), deliveryTag: delivery.tag, now: now)
                }
            }
            if let post = underWay, now >= post.answer {
                underWay = nil
                let outcome = outcome(isEnding, &generator)
                _ = pace.finish(outcome, now, jitter: .random(in: 0...1, using: &generator))
                let scores = post.held.reduce(0) { $0 + $1.scores.count }
                switch outcome {
                case .posted:
                    told.formUnion(post.held.flatMap(\.scores))
                    let acknowledged = digest.posted()
                    let isCurrent = post.epoch == bus.epoch
                    #expect(acknowledged?.scores == (isCurrent ? scores : nil))
                    if let acknowledged { bus.acknowledge(through: acknowledged.deliveryTag, told) }
                default: digest.failed()
                }
            }
            if underWay == nil, digest.count > 0, now >= pace.postAt {
                if let last = posts.last { #expect(now - last >= .seconds(1)) }
                posts.append(now)
                pace.begin(now)
                let held = bus.held
                let bytes = digest.begin()
                let text = try text(bytes)
                #expect(text.unicodeScalars.count <= ScoreLimits.slackText)
                #expect(Self.told(by: text) == held.reduce(0) { $0 + $1.scores.count })
                underWay = (held, bus.epoch, now + .milliseconds(Int.random(in: 0...3_000, using: &generator)))
            }
            #expect(digest.count == bus.held.reduce(0) { $0 + $1.scores.count })
        }
        #expect(bus.isEmpty, "all is told in the end")
        #expect(told.count == bus.published)
        #expect(posts.count > 40)
    }

    /// As an independent reader adds it up.
    private static func told(by text: String) -> Int {
        text.split(separator: "\n").reduce(0) { sum, line in
            if line.hasPrefix(":tada: "), line.hasSuffix(" points") { return sum + 1 }
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "and", words[2] == "more", let count = Int(words[1]) else { return -1 }
            return sum + count
        }
    }

    private func outcome(_ isEnding: Bool, _ generator: inout SeededGenerator) -> SlackOutcome {
        switch isEnding ? 0 : Int.random(in: 0..<8, using: &generator) {
        case 0...4: .posted
        case 5: .unavailable("HTTP 500")
        case 6: .rateLimited(.seconds(2))
        default: .unavailable("timeout")
        }
    }

    /// A queue, the one connection that consumes from it, and what may be acknowledged.
    private struct Bus {
        struct Delivery {
            let tag: UInt64
            let scores: [Int]
        }

        private(set) var published = 0
        private(set) var epoch = 0
        private(set) var held: [Delivery] = []
        private var queue: [[Int]] = []
        private var lastTag: UInt64 = 0

        var isEmpty: Bool { queue.isEmpty && held.isEmpty }

        mutating func publish(_ count: Int) {
            queue.append(Array(published..<(published + count)))
            published += count
        }

        mutating func deliver(_ most: Int) -> [Delivery] {
            let fresh = queue.prefix(most).map { scores in
                lastTag += 1
                return Delivery(tag: UInt64(epoch) << 48 | lastTag, scores: scores)
            }
            queue.removeFirst(fresh.count)
            held += fresh
            return fresh
        }

        mutating func loseConnection() {
            queue = held.map(\.scores) + queue
            held = []
            epoch += 1
            lastTag = 0
        }

        mutating func acknowledge(through tag: UInt64, _ told: Set<Int>) {
            #expect(tag >> 48 == UInt64(epoch), "a tag of this channel")
            #expect(held.contains { $0.tag == tag }, "a tag that is held")
            for delivery in held where delivery.tag <= tag {
                #expect(told.isSuperset(of: delivery.scores), "acknowledged before it was told")
            }
            held.removeAll { $0.tag <= tag }
        }
    }
}
