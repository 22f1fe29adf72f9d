import Bytes
import HTTP1
import HTTPServer
import Scores

/// The body of a `POST /scores` that is more than one small object: a batch, a body of unknown length, or one with an
/// Idempotency-Key. It is judged as it comes.
///
///     pieces ─▶ undecided ─ first byte ─▶ object: collected, at most MAX_BODY ──────────────▶ ScoreStore
///                     │                ┌▶ up to `rowsPerFlush` scores: one unit of a flush ──▶ ScoreStore
///                     └─ `[`, or lines ┴▶ more: a transaction of its own ───────────────────▶ LargeBatch
///
/// So a batch is stored all or none, and none of it costs more memory than some chunks of it.
final class ScoreUpload: BodyConsumer {
    /// What an upload works with.
    struct Services {
        let store: ScoreStore
        let answers: WriteAnswers
        let running: RunningKeys
        /// Largest body of a single score, in bytes.
        let maximumBody: Int
    }

    private enum Form {
        /// `application/json`: the first byte will tell.
        case undecided
        case object
        case batch
    }

    private let services: Services
    private let response: ResponseTicket
    private let key: KeyedRequest?
    private let digest: BodyDigest?
    private var form: Form
    private var object = ByteBuffer()
    private var decoder: ScoreBatchDecoder
    private var rows = ScoreRows()
    private var large: LargeBatch?
    /// Whether somebody else answers from here on.
    private var isHandedOver = false

    /// - Parameters:
    ///   - isLines: the body is `application/x-ndjson`.
    ///   - key: one that `RunningKeys` has let in; nil without.
    init(_ services: Services, _ response: ResponseTicket, isLines: Bool, key: KeyedRequest?) {
        self.services = services
        self.response = response
        self.key = key
        digest = key == nil ? nil : BodyDigest()
        form = isLines ? .batch : .undecided
        decoder = ScoreBatchDecoder(isLines ? .lines : .array)
    }

    override func received(_ piece: Span<UInt8>, on server: HTTPServer) -> Bool {
        digest?.update(piece)
        do throws(Problem) {
            try take(piece)
        } catch {
            refuse(error, server)
        }
        return large?.takesMore ?? true
    }

    /// Of a large batch only some chunks are kept, whatever its size: those have a limit of their own.
    override var heldBytes: Int { object.count + (large == nil ? rows.bytes : 0) }

    private func take(_ piece: Span<UInt8>) throws(Problem) {
        if form == .undecided {
            switch ScoreBatchDecoder.opening(of: piece) {
            case .undecided: break
            case .array: form = .batch
            case .other: form = .object
            }
        }
        guard form == .batch else {
            guard object.count + piece.count <= services.maximumBody else { throw .tooLarge(services.maximumBody) }
            object.append(piece)
            return
        }
        try decoder.receive(piece, into: &rows)
        // One more than fits a flush: it cannot become part of one any more.
        if large == nil, rows.count > ScoreLimits.rowsPerFlush {
            large = services.store.begin(response, key: key)
            if large == nil { throw .busy }
        }
        large?.received(piece.count)
        if let large, rows.count >= ScoreLimits.rowsPerFlush {
            large.take(rows)
            rows.removeAll()
        }
    }

    override func ended(on server: HTTPServer) {
        guard !isHandedOver else { return }
        if let digest { key?.fingerprint = digest.finish() }
        do throws(Problem) {
            if form == .batch { try decoder.finish(into: &rows) }
        } catch {
            refuse(error, server)
            return
        }
        isHandedOver = true
        guard form == .batch else {
            submitObject(server)
            return
        }
        let ticket = WriteTicket(response: response, isBatch: true, key: key)
        if let large {
            large.take(rows)
            large.finish()
        } else if rows.count == 0 {
            services.answers.storedBatch(ticket, count: 0, first: nil, last: nil)
        } else {
            services.store.submit(rows, ticket)
        }
        large = nil
    }

    private func submitObject(_ server: HTTPServer) {
        var body = ByteBuffer()
        swap(&body, &object)
        let ticket = WriteTicket(response: response, isBatch: false, key: key)
        do throws(Problem) {
            let submission = try ScoreSubmission.parse(body.bytes)
            services.store.submit(submission, from: body.bytes, ticket)
        } catch {
            isHandedOver = false
            refuse(error, server)
        }
    }

    private func refuse(_ problem: Problem, _ server: HTTPServer) {
        release()
        server.refuse(response, problem)
    }

    override func cancelled() {
        release()
    }

    /// Nothing is stored, and nobody waits.
    private func release() {
        large?.abort()
        large = nil
        guard !isHandedOver else { return }
        isHandedOver = true
        if let key { services.running.end(key) }
    }
}

extension Problem {
    fileprivate static func tooLarge(_ limit: Int) -> Problem {
        Problem(
            status: 413, title: "Content Too Large",
            detail: "A single score has at most \(limit) bytes; many are sent as an array.")
    }

    fileprivate static var busy: Problem {
        Problem(
            status: 503, title: "Service Unavailable", detail: "Too many large batches are under way; try again.")
    }
}
