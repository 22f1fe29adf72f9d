import Bytes
import Scores
import WebSocket

@testable import Gateway

/// What comes on one connection, in whatever pieces, as scores.
final class FeedReader {
    private let form: FeedForm
    private var session = WebSocketSession(role: .client, maximumMessageLength: 1 << 16, now: Instant(nanoseconds: 0))
    private var pending = ByteBuffer()
    /// The highest id so far.
    private var highest: Int64
    /// What a browser would come again with: the id of the last event that had one.
    private(set) var lastEventID: Int64?

    /// - Parameter highest: the id behind which what comes begins; `.max` when it begins anywhere.
    init(_ form: FeedForm, after highest: Int64 = .max) {
        self.form = form
        self.highest = highest
    }

    func read(_ bytes: Span<UInt8>) -> [Score] {
        pending.append(bytes)
        return form == .frames ? messages() : events()
    }

    private func messages() -> [Score] {
        var scores: [Score] = []
        var output = ByteBuffer()
        while true {
            guard let event = try? session.receive(pending.bytes, now: Instant(nanoseconds: 0), output: &output) else {
                preconditionFailure("no frame where one begins")
            }
            pending.consume(event.consumed)
            switch event {
            case .needMore: return scores
            case .text: scores.append(score(session.message.copied))
            case .binary, .ping, .pong, .closed: preconditionFailure("a frame that is no score")
            }
        }
    }

    private func events() -> [Score] {
        var scores: [Score] = []
        while true {
            let bytes = pending.bytes.copied
            var length = 0
            while length + 1 < bytes.count, bytes[length] != 0x0a || bytes[length + 1] != 0x0a { length += 1 }
            guard length + 1 < bytes.count else { return scores }
            let lines = bytes[..<length].split(separator: 0x0a)
            pending.consume(length + 2)
            guard let data = lines.last, data.starts(with: "data: ".utf8) else { preconditionFailure("no event") }
            let found = score(Array(data.dropFirst(6)))
            if let head = lines.dropLast().first {
                precondition(lines.count == 2 && found.id.map { Array("id: \($0)".utf8) } == Array(head), "other lines")
                lastEventID = found.id
            } else if let id = found.id {
                let isLate = id <= highest || id - highest > FeedLimits.idJump
                precondition(lines.count == 1 && (isLate || id < 1), "an event without its id")
            }
            highest = max(highest, found.id ?? 0)
            scores.append(found)
        }
    }

    private func score(_ json: [UInt8]) -> Score {
        guard let score = try? ScoreDecoder.decode(json.span) else { preconditionFailure("a message that is no score") }
        return score
    }
}
