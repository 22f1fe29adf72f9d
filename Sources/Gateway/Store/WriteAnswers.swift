import Bytes
import HTTP1
import HTTPServer
import Scores

/// The answers to those who want something stored. Whoever has a key is done with it here.
final class WriteAnswers {
    private let server: HTTPServer
    private let running: RunningKeys
    private let metrics: WorkerMetrics

    init(_ server: HTTPServer, running: RunningKeys, metrics: WorkerMetrics) {
        self.server = server
        self.running = running
        self.metrics = metrics
    }

    /// A flush is stored, with all its units.
    func stored(_ flush: WriteBatch<WriteTicket>.Flush, _ stored: borrowing StoredFlush) {
        var start = 0
        for unit in flush.units {
            self.stored(unit, stored, start..<start + unit.rows)
            start += unit.rows
        }
    }

    /// One unit is stored: it has these rows.
    func stored(_ unit: WriteBatch<WriteTicket>.Unit, _ stored: borrowing StoredFlush, _ rows: Range<Int>) {
        if unit.ticket.isBatch {
            storedBatch(
                unit.ticket, count: rows.count, first: stored.ids[rows.lowerBound],
                last: stored.ids[rows.upperBound - 1])
        } else {
            respond(unit.ticket, stored.json(rows.lowerBound))
        }
    }

    /// A batch is stored: `{"stored":N,"first_id":…,"last_id":…}`.
    /// - Parameter first: nil with nothing stored, and then `last`.
    func storedBatch(_ ticket: WriteTicket, count: Int, first: Int64?, last: Int64?) {
        var summary = ByteBuffer(capacity: 96)
        summary.append("{\"stored\":")
        summary.append(decimal: Int64(count))
        summary.append(",\"first_id\":")
        if let first { summary.append(decimal: first) } else { summary.append("null") }
        summary.append(",\"last_id\":")
        if let last { summary.append(decimal: last) } else { summary.append("null") }
        summary.append("}")
        respond(ticket, summary.bytes)
    }

    private func respond(_ ticket: WriteTicket, _ body: Span<UInt8>) {
        done(ticket)
        server.respond(ticket.response, .ok, contentType: "application/json", body: body)
    }

    /// The answer that the first request with this key got.
    /// - Parameters:
    ///   - kept: what the key stands for.
    ///   - user: what this request would have stored, when it is no batch; and its score.
    func replay(_ ticket: WriteTicket, _ kept: KeptAnswer, user: Span<UInt8>, score: Int32) {
        guard ticket.key?.fingerprint == kept.fingerprint else {
            mismatch(ticket)
            return
        }
        metrics.requestsReplayed.add()
        if ticket.isBatch {
            storedBatch(ticket, count: Int(kept.stored), first: kept.firstID, last: kept.lastID)
            return
        }
        var json = ByteBuffer(capacity: 128)
        ScoreEncoder.append(id: kept.firstID, user: user, score: score, createdAt: kept.createdAt, to: &json)
        respond(ticket, json.bytes)
    }

    /// The key stands for another body.
    func mismatch(_ ticket: WriteTicket) {
        refuse(ticket, .unprocessableContent, "This Idempotency-Key was used with another body.")
    }

    /// The database refuses what is in this unit.
    func reject(_ ticket: WriteTicket) {
        metrics.scoresRefused.add()
        refuse(
            ticket, .unprocessableContent,
            ticket.isBatch ? "The database refuses one of these scores." : "The database refuses this score.")
    }

    /// 503: to be tried again.
    func refuse(_ tickets: [WriteTicket], _ detail: StaticString) {
        for ticket in tickets {
            metrics.scoresRefused.add()
            refuse(ticket, .serviceUnavailable, detail, fields: StoreLimits.retryAfter)
        }
    }

    /// 503, of what was given to the database: one with a key may have been, in an earlier try whose outcome is not known.
    /// - Parameter detail: for those without a key.
    func refuseTried(_ tickets: [WriteTicket], _ detail: StaticString) {
        refuse(tickets.filter { $0.key == nil }, detail)
        refuse(tickets.filter { $0.key != nil }, "The database cannot store this now; try again with the same key.")
    }

    /// 408: a transaction cannot be kept open for this client.
    func refuseTooSlow(_ ticket: WriteTicket) {
        metrics.scoresRefused.add()
        done(ticket)
        server.refuse(
            ticket.response.closing, .requestTimeout,
            detail:
                "A batch of this size must come faster; send several smaller ones. Nothing of it was stored.")
    }

    private func refuse(
        _ ticket: WriteTicket, _ status: Status, _ detail: StaticString, fields: StaticString = ""
    ) {
        done(ticket)
        server.refuse(ticket.response, status, detail: detail, fields: fields)
    }

    /// The request is over, or will be answered otherwise.
    func done(_ ticket: WriteTicket) {
        if let key = ticket.key { running.end(key) }
    }
}

/// What an Idempotency-Key stands for: the answer to the first request.
struct KeptAnswer {
    let fingerprint: [UInt8]
    let firstID: Int64
    let lastID: Int64
    let stored: Int64
    let createdAt: Timestamp?
}
