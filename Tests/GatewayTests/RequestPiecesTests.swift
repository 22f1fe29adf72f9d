import Bytes
import Scores
import Testing

@testable import Gateway

@Suite struct EntityTagTests {
    /// Every byte counts, in a whole word or behind the last one, and so does the length.
    @Test(arguments: [0, 1, 7, 8, 9, 16, 23])
    func tellsBodiesApart(length: Int) {
        let body = [UInt8](repeating: 0x30, count: length)
        var tags: Set<UInt64> = [EntityTag.hash(body.span)]
        for index in body.indices {
            for bit in 0..<8 {
                var other = body
                other[index] ^= 1 << UInt8(bit)
                tags.insert(EntityTag.hash(other.span))
            }
        }
        let longer = body + [0]
        tags.insert(EntityTag.hash(longer.span))
        #expect(tags.count == 2 + 8 * length)
        let again = EntityTag.hash(body.span)
        #expect(tags.contains(again))
    }

    @Test(arguments: [
        ("\"ff\"", true), ("W/\"ff\"", true), ("*", true), ("\"aa\", \"ff\"", true), ("\"aa\",W/\"ff\" ", true),
        ("", false), ("ff", false), ("\"f\"", false), ("\"fff\"", false), ("\"aa\", \"bb\"", false), ("\"ff", false),
    ])
    func listsItsTag(field: String, isListed: Bool) {
        let found = EntityTag.isListed(0xff, in: Array(field.utf8).span)
        #expect(found == isListed)
    }
}

@Suite struct ScoreLinkTests {
    @Test func leadsOnWithTheSameConditions() {
        var query = ScoreQuery()
        #expect(ScoreLink.next(query, 9) == nil, "nothing is cut without a limit")
        query.limit = 2
        #expect(ScoreLink.next(query, 9) == "</scores?limit=2&after=9>; rel=\"next\"")
        query.before = 50
        query.user = Array("Jörg & Söhne".utf8)
        #expect(
            ScoreLink.next(query, 9)
                == "</scores?limit=2&after=9&before=50&user=J%C3%B6rg%20%26%20S%C3%B6hne>; rel=\"next\"")
        query = ScoreQuery()
        query.limit = 1
        query.order = .descending
        query.after = 3
        #expect(ScoreLink.next(query, 9) == "</scores?limit=1&order=desc&before=9&after=3>; rel=\"next\"")
    }
}

@Suite struct OriginTests {
    @Test(arguments: [
        ("http://localhost:8000", "localhost:8000", true), ("https://scores.example.com", "scores.example.com", true),
        ("https://scores.example.com", "scores.example.com:443", true), ("http://a", "a:80", true),
        ("http://evil.example", "scores.example.com", false), ("http://a:81", "a:80", false), ("null", "a", false),
        ("file://a", "a", false), ("https://a:443", "a", true),
    ])
    func ownIsThePagesOwn(origin: String, authority: String, isOwn: Bool) {
        #expect(Origin.isOwn(origin, authority: authority) == isOwn)
    }
}

@Suite struct MediaTypeTests {
    @Test(arguments: [
        ("application/json", true), ("Application/JSON; charset=utf-8", true), ("application/vnd.api+json", true),
        ("application/x-www-form-urlencoded", true), ("text/plain", false), ("application/xml", false),
        ("application/jsonp", false), ("", false),
    ])
    func knowsJSON(type: String, mayBeJSON: Bool) {
        let answer = MediaType.mayBeJSON(Array(type.utf8).span)
        #expect(answer == mayBeJSON)
    }
}

@Suite struct FeedRequestTests {
    @Test(arguments: [
        ("1763845200000", true), ("-5", true), ("0123", true), ("", false), ("-", false), ("1.5", false),
        ("abc", false),
        ("1/2", false), ("12345678901234567890", false),
    ])
    func clientIDsAreIntegers(text: String, isInteger: Bool) {
        let answer = FeedRequest.isClientID(Array(text.utf8).span)
        #expect(answer == isInteger)
    }

    @Test(arguments: [
        ("", FeedSubscription.Start.newest(1000)), ("history=5", .newest(5)), ("after=7", .after(7)),
        ("after=7&history=5", .after(7)), ("history=5&after=7", .after(7)), ("x=1&history=0", .newest(0)),
    ])
    func beginsWhereItIsAsked(query: String, start: FeedSubscription.Start) throws {
        let bytes = Array("?\(query)".utf8)
        let range: Range<Int>? = query.isEmpty ? nil : 1..<bytes.count
        let parsed = try FeedRequest.start(range, in: bytes.span, history: 1000)
        #expect(parsed == start)
    }

    @Test(arguments: ["after=-1", "after=x", "history=", "history=1e3"])
    func refusesWhatIsNoNumber(query: String) {
        let bytes = Array(query.utf8)
        var status: Int?
        do throws(Problem) {
            _ = try FeedRequest.start(0..<bytes.count, in: bytes.span, history: 1000)
        } catch {
            status = error.status
        }
        #expect(status == 422)
    }
}

@Suite struct ScoreSieveTests {
    private func scores(_ ids: [Int64]) -> [Score] {
        ids.map { Score(id: $0, user: [0x61], score: 1, createdAt: nil) }
    }

    @Test func keepsTheNewestOfScoresInNoOrder() {
        var sieve = ScoreSieve(.newest, limit: 3)
        for score in scores(Array(1...100).shuffled()) { sieve.take(score) }
        let (kept, isLast) = sieve.result()
        #expect(kept.map(\.id) == [98, 99, 100])
        #expect(!isLast)
    }

    @Test func keepsTheNextPageBehindAnId() {
        var sieve = ScoreSieve(.after(90), limit: 3)
        for score in scores(Array(1...100).shuffled()) { sieve.take(score) }
        let (kept, isLast) = sieve.result()
        #expect(kept.map(\.id) == [91, 92, 93])
        #expect(!isLast)
    }

    @Test func saysWhenNothingFollows() {
        var sieve = ScoreSieve(.after(98), limit: 3)
        for score in scores(Array(1...100).shuffled()) { sieve.take(score) }
        let (kept, isLast) = sieve.result()
        #expect(kept.map(\.id) == [99, 100])
        #expect(isLast)
    }

    @Test(arguments: [ScoreHistory.Question.newest, .after(0)])
    func whatIsNoScoreFillsAPageToo(question: ScoreHistory.Question) {
        var sieve = ScoreSieve(question, limit: 3)
        for score in scores([1, 2]) { sieve.take(score) }
        sieve.passOver()
        #expect(sieve.result().scores.map(\.id) == [1, 2])
        #expect(!sieve.result().isLast)
        // Nothing that could be asked for next.
        var empty = ScoreSieve(question, limit: 3)
        for _ in 0..<3 { empty.passOver() }
        #expect(empty.result().isLast)
    }
}

@Suite struct HealthTests {
    @Test func namesWhatIsMissing() {
        let health = Health(databaseConnections: 2, needsBroker: true, needsHistory: false)
        #expect(health.missing != nil)
        health.databaseConnected()
        health.databaseConnected()
        #expect(health.missing != nil)
        health.brokerReached()
        #expect(health.missing == nil)
        health.brokerLost()
        #expect(health.missing == nil, "a broker that was reached once is waited for")
        health.databaseDisconnected()
        #expect(health.missing != nil, "without its database scores is of no use")
        health.databaseConnected()
        health.startDraining()
        #expect(health.missing != nil)
    }
}
