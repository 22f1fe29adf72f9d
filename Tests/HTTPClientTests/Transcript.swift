import Bytes
import Reactor
import Testing

@testable import HTTPClient

/// Notes every call of a handler, in order.
class Transcript: HTTPResponseHandler {
    var heads: [HTTPResponseHead] = []
    var bytes: [UInt8] = []
    var ends: [Result<HTTPResponseHead, HTTPClientError>] = []
    /// Calls after the end, of which there must be none.
    var callsAfterEnd = 0

    var text: String { String(decoding: bytes, as: UTF8.self) }
    var status: Int? { try? ends.first?.get().status }
    var error: HTTPClientError? {
        guard case .failure(let error) = ends.first else { return nil }
        return error
    }
    var reason: HTTPClientError.Reason? { error?.reason }
    var isFinished: Bool { !ends.isEmpty }

    override func head(_ head: HTTPResponseHead) {
        if isFinished { callsAfterEnd += 1 }
        heads.append(head)
    }

    override func body(_ bytes: Span<UInt8>) -> Bool {
        if isFinished { callsAfterEnd += 1 }
        self.bytes += bytes.copied
        return true
    }

    override func finished(_ result: Result<HTTPResponseHead, HTTPClientError>) {
        if isFinished { callsAfterEnd += 1 }
        ends.append(result)
    }
}

/// A reactor with a client on it, and the ways the tests drive them.
final class Bench {
    let reactor: Reactor
    let client: HTTPClient

    init(caFile: String? = nil) throws {
        reactor = try Reactor()
        client = try HTTPClient(reactor, userAgent: "score-gateway/test", caFile: caFile)
    }

    /// Turns until the condition holds; far beyond any delay of a loaded machine a hang becomes a failure.
    func turn(until condition: () -> Bool) {
        let deadline = Reactor.monotonic() + .seconds(30)
        while !condition(), Reactor.monotonic() < deadline { reactor.turn(waitingAtMost: .milliseconds(20)) }
        #expect(condition(), "did not happen in time")
    }

    /// Sends and turns until the end.
    func exchange(_ request: HTTPRequest) -> Transcript {
        let transcript = Transcript()
        client.send(request, transcript)
        turn { transcript.isFinished }
        #expect(transcript.ends.count == 1 && transcript.callsAfterEnd == 0)
        return transcript
    }

    func get(_ url: String) -> Transcript { exchange(HTTPRequest(.get, url)) }
}
