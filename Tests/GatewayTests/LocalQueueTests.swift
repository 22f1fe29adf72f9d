import AMQP
import Bytes
import Reactor
import Scores
import Testing

@testable import Gateway

/// The queue with a store and a history that answer when the test says so.
@Suite struct LocalQueueTests {
    /// Two reactors, one flush each; the second commits first. The queue reads it before the first is committed, and
    /// something came meanwhile, so it reads on, above the first.
    @Test func aLowerIDThatIsCommittedAfterARead() throws {
        let bench = try Bench(told: 100)
        try bench.answer(ids: 111...120, arrivingBefore: [.init(ids: 121...121)])
        bench.queue.take(.init(ids: 101...110))
        try bench.answerAll(121...121)
        #expect(bench.client.told == Set(101...121) && bench.client.count == 21)
    }

    /// It was not committed when the page was made, and came before the page: the next one begins below it.
    @Test func whatIsCommittedWhileAPageIsUnderWay() throws {
        let bench = try Bench(told: 100)
        try bench.answer(ids: 106...110, arrivingBefore: [.init(ids: 101...105)])
        #expect(bench.history.after == 100)
        try bench.answerAll(101...110)
        #expect(bench.client.told == Set(101...110) && bench.client.count == 10)
    }

    /// The same while all waits in the store: what comes for the second time is told once.
    @Test func whatWasReadAndComes() throws {
        let bench = try Bench(told: 100)
        try bench.answer(ids: 101...120, arrivingBefore: [.init(ids: 101...105)])
        bench.queue.take(.init(ids: 106...110))
        try bench.answerAll(101...120)
        bench.queue.take(.init(ids: 111...120))
        bench.queue.take(.init(ids: 121...121))
        bench.turn()
        #expect(bench.client.told == Set(101...121) && bench.client.count == 21)
    }

    /// Slack took the higher ids, and the lower ones wait for the next digest when it ends.
    @Test func thePlaceIsBelowWhatIsHeld() throws {
        let bench = try Bench(told: 100)
        try bench.answerAll()
        bench.queue.take(.init(ids: 111...120))
        bench.queue.take(.init(ids: 101...110))
        bench.turn()
        bench.queue.ack(1, multiple: true)
        bench.turn()
        bench.queue.close(deadline: .distantFuture)
        #expect(bench.store.saved.last ?? 100 == 100)
    }

    /// Slack took the higher ids, and the transaction of the lower ones is still open.
    @Test func thePlaceIsBelowWhatMayStillBeCommitted() throws {
        let bench = try Bench(told: 100)
        try bench.answerAll()
        bench.queue.take(.init(ids: 111...120))
        bench.turn()
        bench.queue.ack(1, multiple: true)
        bench.turn()
        bench.queue.close(deadline: .distantFuture)
        #expect(bench.store.saved.last ?? 100 == 100)
    }

    /// More wait than may, and the one that finds no room has a lower id than one that was delivered.
    @Test func whatFoundNoRoomIsReadThoughItsIDIsLow() throws {
        let bench = try Bench(told: 100, prefetch: 1)
        try bench.answerAll()
        bench.queue.take(.init(ids: 111...120))
        let last = 120 + Int64(LocalLimits.waitingMessages)
        for id in 121...last { bench.queue.take(.init(ids: id...id)) }
        bench.queue.take(.init(ids: 101...110))
        bench.queue.take(.init(ids: (last + 1)...(last + 1)))
        for _ in 0..<1000 where bench.client.told.count < 20 + last + 1 - 120 {
            bench.queue.ack(bench.client.lastTag, multiple: true)
            bench.turn()
            while bench.history.ticket != nil { bench.answerStored(Array(101...(last + 1))) }
        }
        #expect(bench.client.told == Set(101...(last + 1)) && bench.client.count == bench.client.told.count)
    }

    /// A large batch was open for longer than a hole is waited for: the place goes down, before the outbox forgets it.
    @Test func whatComesVeryLateTakesThePlaceDownAtOnce() throws {
        let bench = try Bench(told: 100)
        try bench.answerAll()
        bench.queue.take(.init(ids: 90...95))
        #expect(bench.store.saved == [89] && bench.client.told == Set(90...95))
        bench.queue.ack(bench.client.lastTag, multiple: true)
        bench.queue.close(deadline: .distantFuture)
        #expect(bench.store.saved == [89, 100])
    }

    /// What comes before the place is known may have been told by another process, or not.
    @Test func whatComesBeforeThePlaceIsKnownIsReadAndNotConfirmed() throws {
        let bench = try Bench()
        let publisher = Publisher()
        let connection = LocalPublisher(bench.reactor, bench.exchange, publisher)
        let fanout = try LocalFanout(bench.reactor, bench.exchange)
        fanout.bind(bench.queue)
        connection.start()
        bench.turn()
        let message = LocalExchange.Message(ids: 90...95)
        let isPublished = connection.publish(scores: 6, messageID: Span(), body: message.body.span, ticket: 7)
        #expect(isPublished)
        for _ in 0..<20 { bench.turn() }
        #expect(publisher.confirmed.isEmpty && bench.client.isReady == 0)
        bench.queue.toldUpTo(100)
        #expect(bench.store.saved == [89] && bench.client.isReady == 1)
        bench.answerStored(Array(80...105))
        bench.answerStored(Array(80...105))
        #expect(bench.client.told == Set(Array(90...95) + Array(101...105)) && bench.client.count == 11)
        for _ in 0..<20 { bench.turn() }
        #expect(publisher.confirmed == [7])
    }

    /// Slack said no for long: what is held is read again, what was told is not.
    @Test func whatIsHandedBackComesAgain() throws {
        let bench = try Bench(told: 100)
        try bench.answerAll()
        for first: Int64 in [103, 101, 105] { bench.queue.take(.init(ids: first...(first + 1))) }
        bench.queue.ack(1, multiple: true)
        #expect(bench.client.count == 6 && bench.queue.handBackDeliveries() && !bench.queue.isReady)
        let deadline = Reactor.monotonic() + .seconds(20)
        while !bench.queue.isReady, Reactor.monotonic() < deadline { bench.turn() }
        try bench.answerAll(101...106)
        #expect(bench.client.isReady == 2 && bench.client.count == 10 && bench.client.lastIDs == [101, 102, 105, 106])
    }
}

// MARK: The parts

private final class Bench {
    let reactor: Reactor
    let store = Store()
    let history = History()
    let client = Client()
    let exchange: LocalExchange
    let queue: LocalQueue

    /// - Parameter told: the place in the store; nil: it has not answered yet.
    init(told: Int64? = nil, prefetch: Int = 100) throws {
        reactor = try Reactor()
        exchange = try LocalExchange()
        queue = LocalQueue(
            reactor, exchange, store: store, history: history, prefetch: prefetch, batch: 256, client: client)
        queue.start()
        turn()
        if let told { queue.toldUpTo(told) }
    }

    func turn() { reactor.turn(waitingAtMost: .milliseconds(1)) }

    /// The history answers with these, the last it has, after messages came.
    func answer(ids: ClosedRange<Int64>, arrivingBefore messages: [LocalExchange.Message]) throws {
        let ticket = try #require(history.ticket)
        history.ticket = nil
        for message in messages { queue.take(message) }
        history.answer(ticket, ids.map { Score($0) }, isLast: true)
        turn()
    }

    /// Answers until nothing more is asked, with what the store has above the question.
    func answerAll(_ ids: ClosedRange<Int64>? = nil) throws {
        for _ in 0..<20 where history.ticket != nil { answerStored(ids.map { Array($0) } ?? []) }
        try #require(history.ticket == nil, "it reads for ever")
    }

    func answerStored(_ ids: [Int64]) {
        guard let ticket = history.ticket else { return }
        history.ticket = nil
        let page = ids.filter { $0 > history.after }.prefix(history.limit)
        history.answer(ticket, page.map { Score($0) }, isLast: page.last == ids.last || page.isEmpty)
        turn()
    }
}

private final class Store: ScoreStore {
    var saved: [Int64] = []
    override func loadTold(for queue: LocalQueue) -> Bool { true }
    override func saveTold(_ id: Int64) { saved.append(id) }
}

private final class History: ScoreHistory {
    var ticket: Ticket?
    var after: Int64 = 0
    var limit = 0

    override func ask(_ question: Question, limit: Int, _ ticket: Ticket) -> Bool {
        self.ticket = ticket
        self.limit = limit
        if case .after(let id) = question { after = id }
        return true
    }
}

private final class Publisher: BusClient {
    var confirmed: [UInt64] = []
    override func confirmed(_ ticket: UInt64) { confirmed.append(ticket) }
}

private final class Client: BusClient {
    var told: Set<Int64> = []
    var count = 0
    /// Of the last delivery.
    var lastIDs: [Int64] = []
    var lastTag: UInt64 = 0
    var isReady = 0

    override func ready() { isReady += 1 }
    override func delivered(_ delivery: borrowing Delivery) {
        lastTag = delivery.deliveryTag
        lastIDs = []
        var decoder = FeedMessageDecoder(contentType: delivery.contentType, body: delivery.body)
        while case .success(let score)? = decoder.next() {
            guard let id = score.id else { continue }
            told.insert(id)
            lastIDs.append(id)
            count += 1
        }
    }
}

extension Score {
    fileprivate init(_ id: Int64) { self.init(id: id, user: Array("ada".utf8), score: 1, createdAt: nil) }
}

extension LocalExchange.Message {
    fileprivate init(ids: ClosedRange<Int64>) {
        var body = ByteBuffer(capacity: 64 * ids.count)
        for id in ids {
            ScoreEncoder.append(Score(id), to: &body)
            if ids.count > 1 { body.append(UInt8(ascii: "\n")) }
        }
        self.init(scores: ids.count, body: body.bytes.copied)
    }
}
