import Foundation
import Glibc
import Reactor
import Testing

@testable import HTTPClient

@Suite(.serialized) struct HTTPClientTests {
    let peer: Peer
    let bench: Bench

    init() throws {
        setenv("no_proxy", "*", 1)
        peer = try Peer.shared.get()
        bench = try Bench()
    }

    /// How many connections a server accepted so far and how many of them are open, the asking one included.
    private func connections(_ peer: Peer) throws -> [Int] {
        try JSONDecoder().decode([Int].self, from: Data(bench.get(peer.url("/connections")).bytes))
    }

    // MARK: Answers

    @Test func getsAnAnswer() {
        let answer = bench.get(peer.url("/hello"))
        let head = HTTPResponseHead(status: 200, contentType: "text/plain; charset=utf-8")
        #expect(answer.ends == [.success(head)])
        #expect(answer.heads == [head])
        #expect(answer.text == "hello")
    }

    @Test func postsABodyAndItsFields() {
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let answer = bench.exchange(
            HTTPRequest(.post, peer.url("/echo"), fields: [("Content-Type", "application/x-odd")], body: body))
        #expect(answer.status == 200)
        #expect(answer.heads.first?.contentType == "application/x-odd")
        #expect(answer.bytes == body)
    }

    @Test func postsNothing() {
        let answer = bench.exchange(HTTPRequest(.post, peer.url("/echo")))
        #expect(answer.status == 200)
        #expect(answer.bytes.isEmpty)
    }

    @Test func sendsTheFieldsAsGiven() throws {
        let answer = bench.exchange(
            HTTPRequest(.get, peer.url("/fields"), fields: [("Authorization", "Bearer a: b"), ("X-Empty", "")]))
        let fields = try JSONDecoder().decode([[String]].self, from: Data(answer.bytes))
        #expect(fields.contains(["authorization", "Bearer a: b"]))
        #expect(fields.contains(["x-empty", ""]))
        #expect(fields.contains(["user-agent", "score-gateway/test"]))
        #expect(!fields.contains { $0[0] == "expect" })
    }

    @Test func anAnswerWithoutABodyHasAHead() {
        let answer = bench.get(peer.url("/empty"))
        #expect(answer.heads == [HTTPResponseHead(status: 204)])
        #expect(answer.ends == [.success(HTTPResponseHead(status: 204))])
    }

    @Test func everyStatusIsAnAnswer() {
        #expect(bench.get(peer.url("/nowhere")).status == 404)
        #expect(bench.get(peer.url("/limited")).heads == [HTTPResponseHead(status: 429, retryAfter: .seconds(7))])
    }

    @Test func retryAfterMayBeADate() throws {
        let wait = try #require(bench.get(peer.url("/limited-until")).heads.first?.retryAfter)
        #expect((Duration.seconds(60)...Duration.seconds(121)).contains(wait))
    }

    @Test("the head is the final one, not of a 1xx, RFC 9110 15.2") func interimAnswers() {
        let answer = bench.get(peer.url("/interim"))
        #expect(answer.heads == [HTTPResponseHead(status: 200)])
        #expect(answer.text == "late")
    }

    @Test func aGetFollowsThreeRedirectsAndTellsTheLastHeadOnly() {
        let answer = bench.get(peer.url("/redirect?3"))
        #expect(answer.heads == [HTTPResponseHead(status: 200, contentType: "text/plain; charset=utf-8")])
        #expect(answer.text == "hello")
    }

    @Test func aFourthRedirectIsOneTooMany() {
        let answer = bench.get(peer.url("/redirect?4"))
        #expect(answer.reason == .malformed)
        #expect(answer.heads.isEmpty && answer.bytes.isEmpty)
    }

    @Test func aRedirectLeadsToTheWebOnly() {
        let answer = bench.get(peer.url("/redirect-to-file"))
        #expect(answer.reason == .malformed)
        #expect(answer.bytes.isEmpty)
    }

    @Test func aPostFollowsNoRedirect() {
        let answer = bench.exchange(HTTPRequest(.post, peer.url("/moved"), body: [1]))
        #expect(answer.heads.map(\.status) == [307])
        #expect(answer.text == "moved")
    }

    // MARK: Large answers

    /// Counts and checks, and keeps nothing.
    private final class Meter: Transcript {
        var count = 0
        var largest = 0
        var isAsExpected = true
        var limit = Int.max
        private let pattern = (0..<Limits.receiveBuffer + 256).map { UInt8(truncatingIfNeeded: $0) }
        override func body(_ bytes: Span<UInt8>) -> Bool {
            let isEqual = bytes.withUnsafeBytes { bytes in
                pattern.withUnsafeBytes { memcmp($0.baseAddress! + count % 256, bytes.baseAddress!, bytes.count) == 0 }
            }
            if !isEqual { isAsExpected = false }
            count += bytes.count
            largest = max(largest, bytes.count)
            return count < limit
        }
    }

    @Test func streamsALargeAnswerInSmallPieces() {
        let meter = Meter()
        bench.client.send(HTTPRequest(.get, peer.url("/large?50"), deadline: .stream), meter)
        bench.turn { meter.isFinished }
        #expect(meter.status == 200)
        #expect(meter.count == 50 << 20)
        #expect(meter.isAsExpected)
        // No memory for the answer but libcurl's buffer: nothing is collected on the way here.
        #expect(meter.largest <= Limits.receiveBuffer)
    }

    @Test func theHandlerBreaksOffByItsReturnValue() {
        let meter = Meter()
        meter.limit = 1 << 20
        bench.client.send(HTTPRequest(.get, peer.url("/large?50"), deadline: .stream), meter)
        bench.turn { meter.isFinished }
        #expect(meter.reason == .aborted)
        #expect(meter.count < (1 << 20) + Limits.receiveBuffer)
        #expect(meter.callsAfterEnd == 0)
    }

    // MARK: Failures

    @Test func nobodyListens() {
        let answer = bench.get("http://127.0.0.1:1/")
        #expect(answer.reason == .refused)
        #expect(answer.error?.text.contains("127.0.0.1 port 1") == true)
        #expect(answer.heads.isEmpty)
    }

    @Test func aNameWithoutAddress() {
        let answer = bench.get("http://no-such-host.invalid/")
        #expect(answer.reason == .resolve)
        #expect(answer.error?.text.contains("no-such-host.invalid") == true)
    }

    @Test func anAnswerThatNeverComes() {
        let answer = bench.exchange(
            HTTPRequest(.get, peer.url("/slow"), deadline: .total(.milliseconds(200))))
        #expect(answer.reason == .timeout)
    }

    @Test func anAnswerThatStopsComing() {
        for deadline in [
            HTTPRequest.Deadline.total(.milliseconds(500)), .lowSpeed(bytesPerSecond: 1000, time: .seconds(1)),
        ] {
            let answer = bench.exchange(HTTPRequest(.get, peer.url("/stalled"), deadline: deadline))
            #expect(answer.reason == .timeout)
            #expect(answer.heads.map(\.status) == [200])
            #expect(answer.text == "the beginning")
        }
    }

    @Test func aConnectThatIsNotAnswered() throws {
        // A listener that accepts nobody, with its backlog full: the kernel drops further SYNs.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(listener, $0, length) == 0 && listen(listener, 0) == 0)
                #expect(getsockname(listener, $0, &length) == 0)
            }
        }
        let url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/"
        let first = Transcript()
        bench.client.send(HTTPRequest(.get, url, deadline: .total(.seconds(60))), first)
        let second = Transcript()
        bench.client.send(HTTPRequest(.get, url, connectTimeout: .milliseconds(300), deadline: .stream), second)
        let third = Transcript()
        bench.client.send(HTTPRequest(.get, url, connectTimeout: .milliseconds(300), deadline: .stream), third)
        bench.turn { second.isFinished || third.isFinished }
        #expect((second.reason ?? third.reason) == .timeout)
    }

    // A broken chunk is to libcurl what a broken connection is: CURLE_RECV_ERROR.
    @Test(arguments: ["/reset", "/silent-end", "/half", "/bad-chunk"])
    func aConnectionThatEndsTooSoon(path: String) {
        let answer = bench.get(peer.url(path))
        #expect(answer.reason == .disconnected, "\(String(describing: answer.error))")
    }

    @Test(arguments: ["/garbage", "/bad-length"])
    func whatIsNotHTTP(path: String) {
        let answer = bench.get(peer.url(path))
        #expect(answer.reason == .malformed, "\(String(describing: answer.error))")
    }

    @Test func aHeadWithoutEndIsNotTakenIn() {
        let answer = bench.get(peer.url("/endless-head"))
        #expect(answer.error == HTTPClientError(.failed, "head too large, or out of memory"))
    }

    @Test func aRequestThatCannotBeSentEndsLater() {
        let transcript = Transcript()
        bench.client.send(HTTPRequest(.get, "ftp://127.0.0.1/"), transcript)
        #expect(!transcript.isFinished)
        bench.turn { transcript.isFinished }
        #expect(transcript.reason == .invalidRequest)
        #expect(bench.get("http://127.0.0.1:port/").reason == .invalidRequest)
    }

    // MARK: Connections

    @Test func oneConnectionServesManyRequests() throws {
        let peer = try Peer()
        for _ in 0..<10 { #expect(bench.get(peer.url("/hello")).text == "hello") }
        #expect(bench.exchange(HTTPRequest(.post, peer.url("/echo"), body: [7])).bytes == [7])
        #expect(bench.get(peer.url("/limited")).status == 429)
        #expect(try connections(peer) == [1, 1])
        #expect(bench.client.watchedCount == 0)
    }

    @Test func aHundredAtOnceAndThenNothingStays() throws {
        let peer = try Peer()
        for _ in 0..<2 {
            let transcripts = (0..<100).map { _ in Transcript() }
            for transcript in transcripts { bench.client.send(HTTPRequest(.get, peer.url("/pause")), transcript) }
            bench.turn { transcripts.allSatisfy(\.isFinished) }
            #expect(transcripts.allSatisfy { $0.text == "pause" && $0.ends.count == 1 })
        }
        #expect(bench.client.transferCount == 0)
        #expect(bench.client.watchedCount == 0)
        // The server needs its moment to see the others close.
        bench.turn { (1...Limits.idleConnections).contains((try? connections(peer)[1]) ?? 0) }
    }

    @Test func moreThanTheLimitAreToldSo() {
        let transcripts = (0..<Limits.transfers + 5).map { _ in Transcript() }
        for transcript in transcripts { bench.client.send(HTTPRequest(.get, peer.url("/hello")), transcript) }
        bench.turn { transcripts.allSatisfy(\.isFinished) }
        #expect(transcripts.prefix(Limits.transfers).allSatisfy { $0.text == "hello" })
        #expect(transcripts.suffix(5).map(\.reason) == Array(repeating: .overloaded, count: 5))
    }

    // MARK: Cancel and close

    /// Does something to the client from within a call.
    private final class Meddler: Transcript {
        var onHead: () -> Void = {}
        var onBody: () -> Void = {}
        var onFinished: () -> Void = {}
        override func head(_ head: HTTPResponseHead) {
            super.head(head)
            onHead()
        }
        override func body(_ bytes: Span<UInt8>) -> Bool {
            let answer = super.body(bytes)
            onBody()
            return answer
        }
        override func finished(_ result: Result<HTTPResponseHead, HTTPClientError>) {
            super.finished(result)
            onFinished()
        }
    }

    @Test func cancelBeforeItBegan() {
        let transcript = Transcript()
        let transfer = bench.client.send(HTTPRequest(.get, peer.url("/hello")), transcript)
        bench.client.cancel(transfer)
        bench.client.cancel(transfer)
        #expect(!transcript.isFinished)
        bench.turn { transcript.isFinished }
        #expect(transcript.ends == [.failure(.cancelled)])
        bench.client.cancel(transfer)
        #expect(bench.get(peer.url("/hello")).text == "hello")
        #expect(transcript.ends.count == 1)
    }

    @Test func cancelWhileWaiting() {
        let transcript = Transcript()
        let transfer = bench.client.send(HTTPRequest(.get, peer.url("/slow")), transcript)
        bench.turn { bench.client.watchedCount > 0 }
        bench.client.cancel(transfer)
        bench.turn { transcript.isFinished }
        #expect(transcript.ends == [.failure(.cancelled)])
        #expect(bench.client.watchedCount == 0)
    }

    @Test func cancelFromWithinHeadIsTheEnd() {
        let meddler = Meddler()
        let transfer = bench.client.send(HTTPRequest(.get, peer.url("/large?50"), deadline: .stream), meddler)
        meddler.onHead = { bench.client.cancel(transfer) }
        bench.turn { meddler.isFinished }
        #expect(meddler.ends == [.failure(.cancelled)])
        #expect(meddler.bytes.isEmpty && meddler.callsAfterEnd == 0)
    }

    @Test func cancelFromWithinBodyIsTheEndOfBoth() {
        let meddler = Meddler()
        let other = Transcript()
        let transfer = bench.client.send(HTTPRequest(.get, peer.url("/large?50"), deadline: .stream), meddler)
        let otherTransfer = bench.client.send(HTTPRequest(.get, peer.url("/slow")), other)
        var bodies = 0
        meddler.onBody = {
            bodies += 1
            bench.client.cancel(transfer)
            bench.client.cancel(otherTransfer)
        }
        bench.turn { meddler.isFinished && other.isFinished }
        #expect(meddler.ends == [.failure(.cancelled)] && other.ends == [.failure(.cancelled)])
        #expect(bodies == 1 && meddler.callsAfterEnd == 0)
        #expect(bench.client.transferCount == 0 && bench.client.watchedCount == 0)
    }

    @Test func cancelFromWithinFinishedChangesNothing() {
        let meddler = Meddler()
        let transfer = bench.client.send(HTTPRequest(.get, peer.url("/hello")), meddler)
        meddler.onFinished = { bench.client.cancel(transfer) }
        bench.turn { meddler.isFinished }
        #expect(bench.get(peer.url("/hello")).text == "hello")
        #expect(meddler.status == 200 && meddler.ends.count == 1)
    }

    @Test func sendFromWithinFinished() throws {
        let peer = try Peer()
        let second = Transcript()
        let first = Meddler()
        first.onFinished = { bench.client.send(HTTPRequest(.get, peer.url("/hello")), second) }
        bench.client.send(HTTPRequest(.get, peer.url("/hello")), first)
        bench.turn { second.isFinished }
        #expect(second.text == "hello")
        #expect(try connections(peer) == [1, 1])
    }

    @Test func aHandlerThatSendsAtOnceAfterEachFailureDoesNotHoldTheTurn() {
        let meddler = Meddler()
        meddler.onFinished = { bench.client.send(HTTPRequest(.get, "ftp://a"), meddler) }
        bench.client.send(HTTPRequest(.get, "ftp://a"), meddler)
        for _ in 0..<10 { bench.reactor.turn(waitingAtMost: .milliseconds(1)) }
        #expect((1...10).contains(meddler.ends.count))
    }

    @Test func closeEndsAllAndLeavesNothing() throws {
        let peer = try Peer()
        let meddler = Meddler()
        let waiting = (0..<5).map { _ in Transcript() }
        #expect(bench.get(peer.url("/hello")).text == "hello")  // leaves a connection for reuse
        for transcript in waiting { bench.client.send(HTTPRequest(.get, peer.url("/slow")), transcript) }
        bench.client.send(HTTPRequest(.get, peer.url("/large?50"), deadline: .stream), meddler)
        let late = Transcript()
        meddler.onBody = { bench.client.close() }
        meddler.onFinished = { bench.client.send(HTTPRequest(.get, peer.url("/hello")), late) }
        bench.turn { late.isFinished }
        #expect(waiting.allSatisfy { $0.ends == [.failure(.closed)] })
        #expect(meddler.ends == [.failure(.closed)] && meddler.callsAfterEnd == 0)
        #expect(late.ends == [.failure(.closed)])
        #expect(bench.client.transferCount == 0 && bench.client.watchedCount == 0)
        // The server sees it too: the asking connection of another client is the only one open.
        let other = try Bench()
        bench.turn {
            other.get(peer.url("/connections")).text.hasSuffix(", 1]")
        }
    }

    @Test func aClosedClientIsLetGoByTheReactor() throws {
        let reactor = try Reactor()
        weak var client: HTTPClient?
        weak var multi: CurlMulti?
        weak var handler: Transcript?
        do {
            let strong = try HTTPClient(reactor, userAgent: "a")
            let transcript = Transcript()
            strong.send(HTTPRequest(.get, peer.url("/slow")), transcript)
            client = strong
            multi = strong.multi
            handler = transcript
            while strong.watchedCount == 0 { reactor.turn(waitingAtMost: .milliseconds(20)) }
            strong.close()
        }
        #expect(client == nil && multi != nil)
        for _ in 0..<3 { reactor.turn(waitingAtMost: .milliseconds(1)) }
        #expect(multi == nil && handler == nil)
    }

    @Test func aClientThatIsLetGoFinishesWhatIsUnderWay() throws {
        let reactor = try Reactor()
        let transcript = Transcript()
        weak var multi: CurlMulti?
        do {
            let client = try HTTPClient(reactor, userAgent: "a")
            client.send(HTTPRequest(.get, peer.url("/pause")), transcript)
            multi = client.multi
        }
        bench.turn {
            reactor.turn(waitingAtMost: .milliseconds(20))
            return transcript.isFinished
        }
        #expect(transcript.text == "pause")
        for _ in 0..<3 { reactor.turn(waitingAtMost: .milliseconds(1)) }
        #expect(multi == nil)
    }

    // MARK: TLS

    @Test func theServersCertificateIsVerified() throws {
        let folder = NSTemporaryDirectory() + "http-client-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Not Foundation's Process: its wait for the end can be held up by a child of another test.
        let made = system(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost"
                + " -addext subjectAltName=DNS:localhost -days 2 -keyout \(folder)/key.pem -out \(folder)/ca.pem 2>/dev/null"
        )
        try #require(made == 0, "openssl made no certificate")
        try
            (String(contentsOfFile: "\(folder)/ca.pem", encoding: .utf8)
            + String(contentsOfFile: "\(folder)/key.pem", encoding: .utf8))
            .write(toFile: "\(folder)/server.pem", atomically: true, encoding: .utf8)

        let secure = try Peer(certificate: "\(folder)/server.pem")
        let trusting = try Bench(caFile: "\(folder)/ca.pem")
        for _ in 0..<3 { #expect(trusting.get("https://localhost:\(secure.port)/hello").text == "hello") }
        #expect(trusting.get("https://localhost:\(secure.port)/connections").text == "[1, 1]")
        // The right authority, the wrong name; then no authority; then no TLS at all.
        #expect(trusting.get("https://127.0.0.1:\(secure.port)/hello").reason == .tls)
        #expect(bench.get("https://localhost:\(secure.port)/hello").reason == .tls)
        #expect(bench.get("https://127.0.0.1:\(peer.port)/hello").reason == .tls)
    }

    @Test func aFileOfAuthoritiesThatIsNotThereIsToldAtOnce() throws {
        let reactor = try Reactor()
        do throws(HTTPClientError) {
            _ = try HTTPClient(reactor, userAgent: "a", caFile: "/no/such/file.pem")
            Issue.record("it was taken")
        } catch {
            #expect(error.text == "/no/such/file.pem: No such file or directory")
        }
    }
}
