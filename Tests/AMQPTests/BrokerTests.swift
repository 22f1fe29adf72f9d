import AMQP
import Bytes
import Glibc
import Reactor
import Testing

/// Against a real RabbitMQ. Each test has an exchange and queues of its own, named test-…; on a broker that is not
/// private they stay behind.
@Suite(.serialized) struct BrokerTests {
    let broker: Broker
    let reactor: Reactor

    init() throws {
        broker = try Broker.shared.get()
        reactor = try Reactor()
    }

    private func configuration(_ change: (inout BrokerEndpoint) -> Void = { _ in }) -> AMQPConfiguration {
        var endpoint = broker.endpoint
        change(&endpoint)
        return AMQPConfiguration(
            endpoints: [endpoint], connectionName: "test", product: "AMQPTests", version: "1")
    }

    private func name(_ test: String) -> String { "test-\(getpid())-\(test)" }

    private func connect(
        _ topology: Topology, publishes: Bool = true, _ client: Recorder = Recorder()
    ) -> (AMQPConnection, Recorder) {
        let connection = AMQPConnection(
            reactor, configuration(), topology: topology, publishes: publishes, client: client)
        connection.start()
        turn(reactor) { client.readies == 1 }
        // The private broker may still be starting.
        client.errors.removeAll()
        return (connection, client)
    }

    private func close(_ connection: AMQPConnection, _ client: Recorder) {
        connection.close(deadline: reactor.now + .seconds(20))
        turn(reactor) { client.errors.last == .closed }
    }

    private func control(_ arguments: String...) throws {
        try broker.control(arguments) { reactor.turn(waitingAtMost: .milliseconds(20)) }
    }

    @Test func publishesConfirmsDeliversAndAcknowledgesTenThousandInOrder() throws {
        let topology = Topology(
            exchange: name("round"), queue: .durable(name: name("round"), type: .classic), prefetch: 100,
            manualAck: true)
        let (consumer, deliveries) = connect(topology, publishes: false)
        deliveries.acknowledges = true
        let (publisher, confirms) = connect(Topology(exchange: name("round")))
        var next: UInt64 = 0
        turn(reactor) {
            while next < 10_000, publisher.publish(Array("body \(next)".utf8), ticket: next) { next += 1 }
            return confirms.confirms.count >= 10_000 && deliveries.deliveries.count >= 10_000
        }
        #expect(confirms.errors == [] && deliveries.errors == [] && confirms.unconfirmed == [])
        let confirmedAll = confirms.confirms.sorted() == Array(0..<10_000)
        #expect(confirmedAll)
        let deliveredInOrder = deliveries.deliveries.map(\.body) == (0..<10_000).map { Array("body \($0)".utf8) }
        #expect(deliveredInOrder)
        // The window did its work: it was full, and had room again.
        #expect(confirms.flow.contains(true))
        #expect(confirms.flow.last == false)
        close(publisher, confirms)
        close(consumer, deliveries)
        // All of it was acknowledged: nothing is delivered a second time.
        let (again, rest) = connect(topology)
        #expect(again.publish(Array("last".utf8), ticket: 1))
        turn(reactor) { !rest.deliveries.isEmpty }
        #expect(rest.deliveries.first?.body == Array("last".utf8))
        #expect(rest.deliveries.first?.redelivered == false)
        again.ack(rest.deliveries[0].tag)
        close(again, rest)
    }

    @Test func propertiesEmptyBodyAndBodyOfManyFrames() throws {
        let (connection, client) = connect(Topology(exchange: name("bodies"), queue: .exclusive))
        let large = (0..<1_048_576).map { UInt8(truncatingIfNeeded: ($0 &* 31) >> 3) }
        #expect(connection.publish([], ticket: 1))
        #expect(connection.publish(large, ticket: 2, id: "id-2", type: "application/x-ndjson"))
        // So much waits to be sent that the next has to wait.
        #expect(!connection.canPublish)
        #expect(client.flow == [true])
        turn(reactor) { client.flow == [true, false] }
        #expect(connection.publish([7], ticket: 3, type: "application/json"))
        turn(reactor) { client.deliveries.count == 3 && client.confirms.count == 3 }
        try #require(client.deliveries.count == 3)
        let (empty, many, one) = (client.deliveries[0], client.deliveries[1], client.deliveries[2])
        #expect(empty.body == [] && empty.contentType == "" && empty.messageID == "")
        #expect(empty.timestamp == 1_700_000_000)
        let arrivedWhole = many.body == large
        #expect(arrivedWhole)
        #expect(many.contentType == "application/x-ndjson" && many.messageID == "id-2")
        #expect(one.body == [7] && one.contentType == "application/json")
        #expect(client.errors == [])
        close(connection, client)
    }

    @Test func exchangeWithOtherPropertiesIsUsedAsItIs() throws {
        let (first, owner) = connect(Topology(exchange: name("foreign"), exchangeDurable: false, queue: .exclusive))
        let (second, guest) = connect(Topology(exchange: name("foreign"), exchangeDurable: true))
        #expect(guest.errors == [])
        #expect(second.publish([1], ticket: 1))
        turn(reactor) { owner.deliveries.count == 1 && guest.confirms == [1] }
        close(second, guest)
        close(first, owner)
    }

    @Test func oneConsumesAtATimeAndTheNextWhenItHandsBackOrGoes() throws {
        let topology = Topology(
            exchange: name("single"), queue: .durable(name: name("single"), type: .classic), prefetch: 100,
            manualAck: true)
        let (first, one) = connect(topology)
        let (second, two) = connect(topology, publishes: false)
        #expect(first.otherConsumers == 0 && second.otherConsumers == 1)
        for ticket in 1...3 { #expect(first.publish([UInt8(ticket)], ticket: UInt64(ticket))) }
        turn(reactor) { one.deliveries.count == 3 && one.confirms.count == 3 }
        #expect(two.deliveries == [])
        first.ack(one.deliveries[0].tag)
        #expect(first.handBackDeliveries())
        turn(reactor) { two.deliveries.count == 2 && one.readies == 2 }
        #expect(one.errors == [.handedBack])
        #expect(two.deliveries.map(\.body) == [[2], [3]] && two.deliveries.allSatisfy(\.redelivered))
        // A tag of before is dropped, or it would close the channel.
        first.ack(one.deliveries[2].tag)
        second.ack(two.deliveries[1].tag, multiple: true)
        #expect(first.publish([4], ticket: 4))
        turn(reactor) { two.deliveries.count == 3 }
        #expect(one.deliveries.count == 3)
        close(second, two)
        turn(reactor) { one.deliveries.count == 4 }
        #expect(one.deliveries[3].body == [4] && one.deliveries[3].redelivered)
        first.ack(one.deliveries[3].tag)
        #expect(one.errors == [.handedBack])
        close(first, one)
    }

    @Test func quorumQueueIsDeclaredAndUsedAsItIsByWhoWantsAClassicOne() throws {
        guard broker.isPrivate else { return }
        let queue = name("quorum")
        let quorum = Topology(exchange: queue, queue: .durable(name: queue, type: .quorum), manualAck: true)
        let (connection, client) = connect(quorum)
        #expect(connection.publish([1], ticket: 1))
        turn(reactor) { client.deliveries.count == 1 && client.confirms == [1] }
        #expect(connection.queueRefusal == nil)
        connection.ack(client.deliveries[0].tag)
        close(connection, client)
        let classic = Topology(exchange: queue, queue: .durable(name: queue, type: .classic), manualAck: true)
        let (other, guest) = connect(classic)
        #expect(guest.errors == [])
        #expect(other.queueRefusal?.contains("inequivalent arg 'x-queue-type' for queue '\(queue)'") == true)
        #expect(other.publish([2], ticket: 1))
        turn(reactor) { guest.deliveries.count == 1 && guest.confirms == [1] }
        other.ack(guest.deliveries[0].tag)
        close(other, guest)
        try control("delete_queue", queue)
    }

    @Test func queueDeletedUnderTheConsumerIsDeclaredAgain() throws {
        guard broker.isPrivate else { return }
        let queue = name("deleted")
        let topology = Topology(exchange: queue, queue: .durable(name: queue, type: .classic), manualAck: true)
        let (connection, client) = connect(topology)
        #expect(connection.publish([1], ticket: 1))
        turn(reactor) { client.deliveries.count == 1 }
        try control("delete_queue", queue)
        turn(reactor) { client.readies == 2 }
        #expect(client.errors == [.consumerCancelled])
        // The channel is still the same, and so are the tags of what was delivered before.
        connection.ack(client.deliveries[0].tag)
        #expect(connection.publish([2], ticket: 2))
        turn(reactor) { client.deliveries.count == 2 && client.confirms == [1, 2] }
        #expect(client.deliveries[1].body == [2])
        close(connection, client)
    }

    @Test func connectionKilledComesBackAndHandsBackWhatWasNotConfirmed() throws {
        guard broker.isPrivate else { return }
        let queue = name("killed")
        let topology = Topology(exchange: queue, queue: .durable(name: queue, type: .classic), manualAck: true)
        let (connection, client) = connect(topology)
        #expect(connection.publish([1], ticket: 1))
        turn(reactor) { client.deliveries.count == 1 && client.confirms == [1] }
        let stale = client.deliveries[0].tag
        // The connection is up to date, then the kill arrives with messages on the way.
        var next: UInt64 = 2
        try broker.control(["close_all_connections", "killed by the test"]) {
            while client.errors.isEmpty, next < 200_000, connection.publish([0], ticket: next) { next += 1 }
            reactor.turn(waitingAtMost: .milliseconds(20))
        }
        turn(reactor) { client.readies == 2 }
        #expect(client.errors == [.connectionClosed(code: 320, text: "CONNECTION_FORCED - killed by the test")])
        // Each message is either confirmed or handed back, once, and those handed back come in order.
        let all = (client.confirms + client.unconfirmed).sorted() == Array(1..<next)
        #expect(all)
        #expect(!client.unconfirmed.isEmpty)
        let isInOrder = client.unconfirmed == client.unconfirmed.sorted()
        #expect(isInOrder)
        // A tag of the former connection is not answered on the new one, where it would be an error.
        connection.ack(stale)
        #expect(connection.publish([9], ticket: next))
        turn(reactor) { client.confirms.last == next }
        #expect(client.errors.count == 1)
        close(connection, client)
        try control("delete_queue", queue)
    }

    @Test func brokerStoppedAndStartedAgainIsFoundAgain() throws {
        guard broker.isPrivate else { return }
        let queue = name("restart")
        let topology = Topology(exchange: queue, queue: .durable(name: queue, type: .classic), manualAck: true)
        let (connection, client) = connect(topology)
        #expect(connection.publish([1], ticket: 1))
        turn(reactor) { client.confirms == [1] && client.deliveries.count == 1 }
        try control("stop_app")
        turn(reactor) { !connection.isReady && !client.errors.isEmpty }
        #expect(!connection.publish([2], ticket: 2))
        try control("start_app")
        turn(reactor) { client.readies == 2 }
        // Persistent, and not acknowledged: it is delivered again.
        turn(reactor) { client.deliveries.count == 2 }
        #expect(client.deliveries[1].body == [1] && client.deliveries[1].redelivered)
        close(connection, client)
        try control("delete_queue", queue)
    }

    /// What a connection with this endpoint fails with first.
    private func failure(topology: Topology? = nil, with change: (inout BrokerEndpoint) -> Void) -> AMQPError? {
        let client = Recorder()
        let connection = AMQPConnection(
            reactor, configuration(change), topology: topology ?? Topology(exchange: name("refused")),
            publishes: true, client: client)
        connection.start()
        turn(reactor) { !client.errors.isEmpty }
        let error = client.errors.first
        #expect(client.readies == 0)
        close(connection, client)
        return error
    }

    @Test func refusalsAreToldApartInTheBrokersWords() throws {
        // A broker that has only just started.
        let (connection, client) = connect(Topology(exchange: name("refused")))
        close(connection, client)
        guard case .accessRefused(let login) = failure(with: { $0.password = "wrong" }) else {
            Issue.record("wrong password was not told")
            return
        }
        #expect(login.hasPrefix("ACCESS_REFUSED - Login was refused"))
        #expect(!login.contains("wrong"))
        let host = failure { $0.virtualHost = "nowhere" }
        #expect(host == .virtualHost("NOT_ALLOWED - vhost nowhere not found"))
        guard case .exchangeType(let type) = failure(topology: Topology(exchange: "amq.direct"), with: { _ in }) else {
            Issue.record("wrong exchange type was not told")
            return
        }
        #expect(type.contains("inequivalent arg 'type' for exchange 'amq.direct'"))
        let tls = failure { $0.tls = true }
        #expect(tls == .unsupported("amqps without a word whom to trust"))
        guard case .unreachable(let place) = failure(with: { $0.port = 1 }) else {
            Issue.record("closed port was not told")
            return
        }
        #expect(place.hasSuffix("connect: Connection refused"))
    }

    @Test func theNextEndpointIsTriedAtOnce() throws {
        var configuration = configuration()
        var closed = broker.endpoint
        closed.port = 1
        configuration.endpoints = [closed] + configuration.endpoints
        let client = Recorder()
        let connection = AMQPConnection(
            reactor, configuration, topology: Topology(exchange: name("turn")), publishes: true, client: client)
        connection.start()
        turn(reactor) { client.readies == 1 }
        #expect(!client.errors.isEmpty)
        close(connection, client)
    }

    @Test func blockedByTheBrokerAndUnblocked() throws {
        guard broker.isPrivate else { return }
        let (connection, client) = connect(Topology(exchange: name("blocked")))
        try control("set_vm_memory_high_watermark", "absolute", "1MB")
        // The broker blocks who publishes: the first message is what it takes offence at.
        #expect(connection.publish([1], ticket: 1))
        turn(reactor) { client.flow == [true] }
        #expect(connection.isReady && !connection.canPublish)
        #expect(!connection.publish([2], ticket: 2))
        try control("set_vm_memory_high_watermark", "0.4")
        turn(reactor) { client.flow == [true, false] && client.confirms == [1] }
        #expect(connection.publish([2], ticket: 2))
        turn(reactor) { client.confirms == [1, 2] }
        #expect(client.errors == [])
        close(connection, client)
    }

    @Test func channelClosedInUseIsOpenedAgain() throws {
        let queue = name("channel")
        let topology = Topology(exchange: queue, queue: .durable(name: queue, type: .classic), manualAck: true)
        let (connection, client) = connect(topology)
        #expect(connection.publish([1], ticket: 1))
        turn(reactor) { client.confirms == [1] && client.deliveries.count == 1 }
        // Not at once after it was ready: then the whole connection would be dropped.
        let later = Reactor.monotonic() + .milliseconds(1100)
        turn(reactor) { Reactor.monotonic() > later }
        // A delivery answered twice is an error of the channel.
        connection.ack(client.deliveries[0].tag)
        connection.ack(client.deliveries[0].tag)
        #expect(connection.publish([2], ticket: 2))
        turn(reactor) { client.readies == 2 }
        #expect(
            client.errors == [
                .channelClosed(code: 406, text: "PRECONDITION_FAILED - unknown delivery tag 1")
            ])
        #expect(client.unconfirmed == [2])
        #expect(connection.publish([3], ticket: 3))
        turn(reactor) { client.confirms == [1, 3] }
        close(connection, client)
        if broker.isPrivate { try control("delete_queue", queue) }
    }

    /// Resident memory in bytes.
    private func resident() -> Int {
        let descriptor = open("/proc/self/statm", O_RDONLY)
        defer { Glibc.close(descriptor) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &text, text.count)
        let fields = text[..<max(0, count)].split(separator: UInt8(ascii: " "))
        return (Int(String(decoding: fields[1], as: UTF8.self)) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    @Test func memoryStaysFlatOverAHundredThousandMessages() throws {
        let client = Recorder()
        client.keepsBodies = false
        let (connection, _) = connect(Topology(exchange: name("flat"), queue: .exclusive), client)
        let body = [UInt8](repeating: 1, count: 100)
        func exchange(upTo last: UInt64) {
            var next = UInt64(client.bodyCount) + 1
            turn(reactor, within: .seconds(300)) {
                client.confirms.removeAll(keepingCapacity: true)
                client.flow.removeAll(keepingCapacity: true)
                while next <= last, connection.publish(body, ticket: next) { next += 1 }
                return client.bodyCount == Int(last) && connection.unconfirmedCount == 0
            }
        }
        exchange(upTo: 10_000)
        // The codec's own memory has an exact test; this finds what nobody thought of. Other suites run meanwhile in
        // the same process: the bound is wide, half a kilobyte a message, and only what grows every time is ours.
        let growth = (0..<3).lazy.map { round in
            let before = resident()
            exchange(upTo: 10_000 + UInt64(round + 1) * 100_000)
            return resident() - before
        }
        #expect(growth.contains { $0 < 50 << 20 })
        #expect(client.errors == [])
        close(connection, client)
    }
}
