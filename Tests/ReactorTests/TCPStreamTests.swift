import Bytes
import CLinux
import Glibc
import Testing

@testable import Reactor

/// Records what a stream tells, and consumes as much as it is told to.
private final class Recorder: StreamHandler {
    var received: [UInt8] = []
    var deliveries = 0
    var consume: (Int) -> Int = { $0 }
    var hasReceivedEnd = false
    var drains = 0
    var end: StreamEnd?
    var isConnected = false

    override func connected() { isConnected = true }
    override func received(_ bytes: Span<UInt8>) -> Int {
        deliveries += 1
        let taken = consume(bytes.count)
        received += bytes.extracting(0..<taken).copied
        return taken
    }
    override func receivedEnd() { hasReceivedEnd = true }
    override func drained() { drains += 1 }
    override func closed(_ reason: StreamEnd) { end = reason }
}

private final class Acceptor: TCPListener {
    var descriptors: [Int32] = []
    override func accepted(_ descriptor: Int32) { descriptors.append(descriptor) }
}

/// Turns until the condition holds; a deadline far beyond any delay of a loaded machine turns a hang into a failure.
private func turn(_ reactor: Reactor, until condition: () -> Bool) {
    let deadline = Reactor.monotonic() + .seconds(20)
    while !condition(), Reactor.monotonic() < deadline { reactor.turn(waitingAtMost: .milliseconds(20)) }
    #expect(condition(), "did not happen in time")
}

/// A stream on one end of a socket pair; the other end is the test's.
private func pair(_ reactor: Reactor, _ handler: Recorder) throws -> (stream: TCPStream, peer: Int32) {
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
    return (try TCPStream(reactor, ends[0], handler: handler), ends[1])
}

private func write(_ descriptor: Int32, _ text: String) {
    #expect(Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count)
}

private func readAll(_ descriptor: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count > 0 { bytes += buffer[..<count] } else { return count == 0 && bytes.isEmpty ? nil : bytes }
    }
}

/// Work that is done before the reactor sleeps: lets a paused stream go on.
private final class Batcher: Source {
    unowned let stream: TCPStream
    var rounds = 0
    var isPaused = false
    var alarm = false

    init(_ stream: TCPStream) { self.stream = stream }

    override func beforeSleep() {
        rounds += 1
        if isPaused { stream.resumeReading() }
        isPaused = false
    }

    override func timerFired(_ tag: UInt32) { alarm = true }
}

@Suite struct TCPStreamTests {
    @Test func whatIsPresentedAfterTheBatchesOfATurnDoesNotWaitForTheNextEvent() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        let batcher = Batcher(stream)
        reactor.addBeforeSleep(batcher)
        handler.consume = { count in
            guard count == 4 else { return count }
            stream.pauseReading()
            batcher.isPaused = true
            return 2
        }
        write(peer, "abcd")
        turn(reactor) { handler.received.count == 4 }
        let rounds = batcher.rounds
        _ = reactor.schedule(batcher, at: Reactor.monotonic() + .seconds(15))
        reactor.turn()
        #expect(batcher.rounds == rounds + 1)
        #expect(!batcher.alarm, "the batch waited for whatever comes next")
        stream.close()
        close(peer)
    }

    @Test func keepsWhatTheHandlerLeavesAndPresentsItAgain() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        handler.consume = { $0 < 6 ? 0 : 4 }
        write(peer, "abc")
        turn(reactor) { handler.deliveries == 1 }
        #expect(handler.received.isEmpty)
        write(peer, "def")
        turn(reactor) { handler.deliveries == 2 }
        #expect(handler.received == Array("abcd".utf8))
        handler.consume = { $0 }
        write(peer, "gh")
        turn(reactor) { handler.deliveries == 3 }
        #expect(handler.received == Array("abcdefgh".utf8))
        stream.close()
        #expect(handler.end == .local)
        close(peer)
    }

    @Test func writesOnceATurnAndWaitsForASlowReader() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        let large = [UInt8](repeating: 7, count: 4 << 20)
        stream.output.append(large)
        stream.scheduleFlush()
        reactor.turn(waitingAtMost: .zero)
        #expect(stream.isCongested)
        var total = 0
        turn(reactor) {
            total += readAll(peer)?.count ?? 0
            return total == large.count
        }
        turn(reactor) { handler.drains == 1 }
        #expect(stream.isIdleForWriting)
        close(peer)
        turn(reactor) { handler.hasReceivedEnd }
        stream.close()
    }

    @Test func whoSawItCongestedHearsThatItDrainedAlsoWhenNothingBlocked() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        _ = clinux_set_option(stream.descriptor, SOL_SOCKET, 32 /* SO_SNDBUFFORCE */, 8 << 20)
        stream.output.append([UInt8](repeating: 7, count: ReactorLimits.outputHighWater + 1))
        #expect(stream.isCongested)
        stream.scheduleFlush()
        var total = 0
        turn(reactor) {
            total += readAll(peer)?.count ?? 0
            return total > ReactorLimits.outputHighWater
        }
        turn(reactor) { handler.drains == 1 }
        stream.close()
        close(peer)
    }

    @Test func aPausedHandlerMayLeaveAllOfTheReceiveBuffer() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        handler.consume = { count in
            stream.pauseReading()
            return 1
        }
        let large = String(repeating: "x", count: 200_000)
        _ = clinux_set_option(peer, SOL_SOCKET, 32 /* SO_SNDBUFFORCE */, 8 << 20)
        write(peer, large)
        turn(reactor) { handler.received.count == 1 }
        #expect(handler.end == nil)
        handler.consume = { $0 }
        stream.resumeReading()
        turn(reactor) { handler.received.count == 200_000 }
        stream.close()
        close(peer)
    }

    @Test func bytesKeptWhilePausedArePresentedBeforeTheEnd() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        handler.consume = { _ in
            stream.pauseReading()
            return 1
        }
        write(peer, "abc")
        turn(reactor) { handler.deliveries == 1 }
        shutdown(peer, Int32(SHUT_WR))
        handler.consume = { count in
            #expect(!handler.hasReceivedEnd)
            return count
        }
        // Outside of a turn: the end is ready when the next one begins.
        stream.resumeReading()
        turn(reactor) { handler.hasReceivedEnd }
        #expect(handler.received == Array("abc".utf8))
        stream.close()
        close(peer)
    }

    @Test func aClosedStreamLetsGoOfItsHandler() throws {
        let reactor = try Reactor()
        weak var handler: Recorder?
        weak var stream: TCPStream?
        var peer: Int32 = -1
        do {
            let recorder = Recorder()
            handler = recorder
            let made = try pair(reactor, recorder)
            // As connections do: each knows the other.
            recorder.consume = { count in made.stream.isOpen ? count : 0 }
            stream = made.stream
            peer = made.peer
        }
        #expect(handler != nil && stream != nil)
        close(peer)
        turn(reactor) { handler?.hasReceivedEnd ?? true }
        stream?.close()
        reactor.turn(waitingAtMost: .zero)
        #expect(handler == nil)
        #expect(stream == nil)
    }

    @Test func closingWaitsForASlowReaderAndNotForOneThatTakesNothing() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        stream.output.append([UInt8](repeating: 7, count: 4 << 20))
        stream.closeAfterFlush()
        reactor.turn(waitingAtMost: .zero)
        // The deadline came, but the kernel took bytes just now.
        stream.timerFired(0)
        #expect(!stream.isClosed)
        var total = 0
        turn(reactor) {
            total += readAll(peer)?.count ?? 0
            return total == 4 << 20
        }
        // The peer has all of it; now it is waited for while it goes on sending.
        write(peer, "more")
        reactor.turn(waitingAtMost: .milliseconds(20))
        stream.timerFired(0)
        #expect(!stream.isClosed)
        stream.timerFired(0)
        #expect(handler.end == .local)
        close(peer)
    }

    @Test func aPausedStreamReadsNothingUntilResumed() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        stream.pauseReading()
        write(peer, "later")
        for _ in 0..<5 { reactor.turn(waitingAtMost: .milliseconds(1)) }
        #expect(handler.deliveries == 0)
        stream.resumeReading()
        turn(reactor) { handler.received == Array("later".utf8) }
        stream.close()
        close(peer)
    }

    @Test func aReplacedHandlerGetsTheKeptBytes() throws {
        let reactor = try Reactor()
        let first = Recorder()
        let second = Recorder()
        let (stream, peer) = try pair(reactor, first)
        first.consume = { _ in
            stream.handler = second
            stream.redeliver()
            return 3
        }
        write(peer, "abcdef")
        turn(reactor) { second.received == Array("def".utf8) }
        #expect(first.received == Array("abc".utf8))
        stream.close()
        #expect(first.end == nil && second.end == .local)
        close(peer)
    }

    @Test func halfCloseIsHeardOnceAndTheAnswerStillLeaves() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let (stream, peer) = try pair(reactor, handler)
        write(peer, "question")
        shutdown(peer, Int32(SHUT_WR))
        turn(reactor) { handler.hasReceivedEnd }
        #expect(handler.received == Array("question".utf8))
        stream.output.append("answer")
        stream.closeAfterFlush()
        turn(reactor) { handler.end != nil }
        #expect(readAll(peer) == Array("answer".utf8))
        close(peer)
    }

    @Test func aPeerThatStillSendsReadsTheLastAnswer() throws {
        let reactor = try Reactor()
        let handler = Recorder()
        let listener = try Acceptor(reactor, on: SocketAddress(numeric: "127.0.0.1", port: 0)!, sharesPort: false)
        let client = Recorder()
        let outgoing = try TCPStream.connect(
            reactor, to: listener.localAddress, deadline: reactor.now + .seconds(10), handler: client)
        turn(reactor) { client.isConnected && listener.descriptors.count == 1 }
        let stream = try TCPStream(reactor, listener.descriptors[0], handler: handler)
        outgoing.output.append([UInt8](repeating: 1, count: 8 << 20))
        outgoing.scheduleFlush()
        stream.output.append("413")
        stream.closeAfterFlush()
        turn(reactor) { client.received == Array("413".utf8) && client.hasReceivedEnd }
        outgoing.close()
        turn(reactor) { handler.end != nil }
        listener.close()
    }

    @Test func aRefusedConnectIsAnErrorWithItsCode() throws {
        let reactor = try Reactor()
        let listener = try Acceptor(reactor, on: SocketAddress(numeric: "127.0.0.1", port: 0)!, sharesPort: false)
        let address = listener.localAddress
        listener.close()
        let handler = Recorder()
        _ = try TCPStream.connect(reactor, to: address, deadline: reactor.now + .seconds(10), handler: handler)
        turn(reactor) { handler.end != nil }
        #expect(handler.end == .error(SystemError(ECONNREFUSED, "connect")))
    }

    @Test func anAddressIsFreeWhenNobodyListensThere() throws {
        let reactor = try Reactor()
        let address = try TCPListener.free(SocketAddress(numeric: "127.0.0.1", port: 0)!)
        #expect(address.port != 0)
        let listener = try Acceptor(reactor, on: address, sharesPort: true)
        var code: Int32?
        do throws(SystemError) { _ = try TCPListener.free(address) } catch { code = error.code }
        #expect(code == EADDRINUSE, "although the listener shares its port")
        listener.close()
        #expect(try TCPListener.free(address) == address)
    }

    @Test func anEventForASourceClosedEarlierInTheTurnIsDropped() throws {
        let reactor = try Reactor()
        let first = Recorder()
        let second = Recorder()
        let (firstStream, firstPeer) = try pair(reactor, first)
        let (secondStream, secondPeer) = try pair(reactor, second)
        first.consume = {
            secondStream.close(); return $0
        }
        second.consume = {
            firstStream.close(); return $0
        }
        write(firstPeer, "x")
        write(secondPeer, "x")
        turn(reactor) { first.deliveries + second.deliveries > 0 }
        reactor.turn(waitingAtMost: .zero)
        #expect(first.deliveries + second.deliveries == 1)
        firstStream.close()
        secondStream.close()
        close(firstPeer)
        close(secondPeer)
    }
}
