import Bytes
import HTTP1
import HTTPServer
import Scores

extension HTTPServer {
    /// Answers with a problem document. A body that is too large ends its connection (contract section 2).
    func refuse(_ ticket: ResponseTicket, _ problem: Problem) {
        var body = ByteBuffer()
        ProblemEncoder.append(problem, to: &body)
        let status: Status =
            switch problem.status {
            case 400: .badRequest
            case 413: .contentTooLarge
            case 422: .unprocessableContent
            case 503: .serviceUnavailable
            default: preconditionFailure("a problem without an answer: \(problem.status)")
            }
        respond(
            status == .contentTooLarge ? ticket.closing : ticket, status, contentType: "application/problem+json",
            fields: status == .serviceUnavailable ? StoreLimits.retryAfter : "", body: body.bytes)
    }
}
