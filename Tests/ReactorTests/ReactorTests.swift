import Bytes
import CLinux
import Glibc
import Testing

@testable import Reactor

private final class Collector: MailboxReceiver<Int> {
    var messages: [Int] = []
    override func receive(_ message: Int) { messages.append(message) }
}

/// Holds threads up until it is opened.
private final class Gate: Sendable {
    private let ends: (reader: Int32, writer: Int32)

    init() {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        self.ends = (ends[0], ends[1])
    }

    func open() { close(ends.writer) }

    func wait() {
        var byte: UInt8 = 0
        _ = read(ends.reader, &byte, 1)
    }
}

private final class Asker: Source {
    var addresses: [SocketAddress]?
    var error: ResolveError?
    override func resolved(_ addresses: [SocketAddress], error: ResolveError?, tag: UInt32) {
        self.addresses = addresses
        self.error = error
    }
}

private func turn(_ reactor: Reactor, until condition: () -> Bool) {
    let deadline = Reactor.monotonic() + .seconds(20)
    while !condition(), Reactor.monotonic() < deadline { reactor.turn(waitingAtMost: .milliseconds(20)) }
    #expect(condition(), "did not happen in time")
}

@Suite struct MailboxTests {
    @Test func messagesOfOtherThreadsArriveAllAndInTheirOrder() throws {
        let reactor = try Reactor()
        let mailbox = try Mailbox<Int>()
        let collector = try Collector(reactor, mailbox)
        let perThread = 20_000
        let first = try Thread(name: "first") { for number in 0..<perThread { mailbox.post(number) } }
        let second = try Thread(name: "second") { for number in 0..<perThread { mailbox.post(1_000_000 + number) } }
        turn(reactor) { collector.messages.count == 2 * perThread }
        first.join()
        second.join()
        #expect(collector.messages.filter { $0 < 1_000_000 } == Array(0..<perThread))
        #expect(collector.messages.filter { $0 >= 1_000_000 } == Array(1_000_000..<1_000_000 + perThread))
    }
}

@Suite struct ThreadTests {
    @Test func oneThatDoesNotEndIsNotWaitedForFurther() throws {
        let gate = Gate()
        let ends = try Mailbox<Int>()
        let standing = try Thread(name: "standing") {
            gate.wait()
            ends.post(1)
        }
        #expect(standing.join(within: .milliseconds(1)) == false)
        // It goes on, and ends by itself.
        let reactor = try Reactor()
        let collector = try Collector(reactor, ends)
        gate.open()
        turn(reactor) { collector.messages == [1] }
        #expect(try Thread(name: "ending") {}.join(within: .seconds(20)))
    }
}

@Suite struct ResolverTests {
    @Test(arguments: ["127.0.0.1", "::1", "localhost"])
    func answersInALaterTurn(host: String) throws {
        let reactor = try Reactor()
        let asker = Asker()
        reactor.resolve(host, port: 5432, for: asker)
        #expect(asker.addresses == nil)
        turn(reactor) { asker.addresses != nil }
        #expect(asker.error == nil)
        let address = try #require(asker.addresses?.first)
        #expect(address.port == 5432)
        #expect(["127.0.0.1", "::1"].contains(address.host))
    }

    @Test func saysWhichNameHasNoAddress() throws {
        let reactor = try Reactor()
        let asker = Asker()
        reactor.resolve("no-such-host.invalid", port: 1, for: asker)
        turn(reactor) { asker.addresses != nil }
        #expect(asker.addresses == [])
        #expect(asker.error?.host == "no-such-host.invalid")
    }

    @Test func looksUpSoManyAtOnceAndNoMore() throws {
        let reactor = try Reactor()
        // Names without an answer, until the test gives one.
        let gate = Gate()
        let resolver = try Resolver(reactor) { host, _ in
            gate.wait()
            return .failure(ResolveError(host: host, reason: "nobody knows"))
        }
        let askers = (0..<ReactorLimits.resolverThreads + 5).map { _ in Asker() }
        for asker in askers { resolver.resolve("somewhere.invalid", port: 1, for: asker, tag: 0) }
        turn(reactor) { askers.filter { $0.error != nil }.count == 5 }
        #expect(askers.last?.error?.reason == "too many look-ups have no answer yet")
        gate.open()
        turn(reactor) { askers.allSatisfy { $0.error != nil } }
        let next = Asker()
        resolver.resolve("somewhere.invalid", port: 1, for: next, tag: 0)
        turn(reactor) { next.error?.reason == "nobody knows" }
    }
}

@Suite struct MirrorMapTests {
    @Test func whatIsWrittenPastTheEndStandsAtTheFront() throws {
        let size = 64 * 1024
        let memory = try #require(clinux_mirror_map(size))
        let bytes = memory.assumingMemoryBound(to: UInt8.self)
        for offset in 0..<100 { bytes[size - 50 + offset] = UInt8(offset) }
        #expect((0..<50).allSatisfy { bytes[$0] == UInt8(50 + $0) })
        clinux_mirror_unmap(memory, size)
    }
}
