import Bytes
import HTTPClient
import Logging
import Reactor
import Scores

/// History by `GET {SCORES_API}/scores`: of another gateway, or of the replaced service, which ignores the query, gives
/// every score, and in no order. So the answer is sifted here, in bounded memory, as if nothing had been asked for.
final class ScoresAPIHistory: ScoreHistory {
    private let client: HTTPClient
    private let reactor: Reactor
    private let api: HTTPURL
    private var failures: ThrottledLog

    /// - Parameter api: the URL before `/scores`.
    init(_ reactor: Reactor, _ client: HTTPClient, api: HTTPURL, log: Logger) {
        self.reactor = reactor
        self.client = client
        self.api = api
        // The address without its password.
        failures = ThrottledLog(log, "feed: cannot read the scores of \(api)")
    }

    override func ask(_ question: Question, limit: Int, _ ticket: Ticket) -> Bool {
        let query =
            switch question {
            case .newest: "limit=\(limit)&order=desc"
            case .after(let id): "after=\(id)&limit=\(limit)"
            }
        let request = HTTPRequest(
            .get, api.appending("/scores?\(query)"), fields: [(name: "Accept", value: "application/json")],
            deadline: .stream)
        client.send(request, Answer(self, ticket, ScoreSieve(question, limit: limit)))
        return true
    }

    fileprivate func finished(_ ticket: Ticket, _ answer: Answer, problem: String?) {
        if let problem {
            failures.write(problem, at: reactor.now)
            fail(ticket)
        } else {
            let (scores, isLast) = answer.sieve.result()
            self.answer(ticket, scores, isLast: isLast)
        }
    }

    fileprivate final class Answer: HTTPResponseHandler {
        private let history: ScoresAPIHistory
        private let ticket: Ticket
        var sieve: ScoreSieve
        private var decoder = ScoreStreamDecoder()
        private var status = 0
        private var problem: String?

        init(_ history: ScoresAPIHistory, _ ticket: Ticket, _ sieve: ScoreSieve) {
            self.history = history
            self.ticket = ticket
            self.sieve = sieve
        }

        override func head(_ head: HTTPResponseHead) {
            status = head.status
            if status != 200 { problem = "status \(status)" }
        }

        override func body(_ bytes: Span<UInt8>) -> Bool {
            guard problem == nil else { return false }
            do throws(ScoreError) {
                decoder.receive(bytes)
                while let element = try decoder.next() {
                    // An element that is no score costs only itself.
                    switch element {
                    case .success(let score): sieve.take(score)
                    case .failure: sieve.passOver()
                    }
                }
                return true
            } catch {
                problem = "\(error)"
                return false
            }
        }

        override func finished(_ result: Result<HTTPResponseHead, HTTPClientError>) {
            if problem == nil, case .failure(let error) = result { problem = "\(error)" }
            if problem == nil {
                do throws(ScoreError) {
                    try decoder.finish()
                } catch {
                    problem = "\(error)"
                }
            }
            history.finished(ticket, self, problem: problem)
        }
    }
}

/// Keeps, of scores in any order, those a history question asks for. At most twice `limit` scores are held.
struct ScoreSieve {
    private let question: ScoreHistory.Question
    private let limit: Int
    private var scores: [Score] = []
    private var leftOut = false
    /// Elements that are no scores, or have no id: each may have been one of those asked for.
    private var passedOver = 0

    init(_ question: ScoreHistory.Question, limit: Int) {
        self.question = question
        self.limit = limit
    }

    mutating func take(_ score: Score) {
        guard let id = score.id else {
            passOver()
            return
        }
        if case .after(let after) = question, id <= after { return }
        scores.append(score)
        if scores.count >= 2 * limit { sift() }
    }

    /// There was something that is no score.
    mutating func passOver() {
        passedOver += 1
    }

    /// The scores in id order, and whether there are no more. (Of a service that always gives all of them the next answer
    /// is empty.)
    mutating func result() -> (scores: [Score], isLast: Bool) {
        sift()
        return (scores, !leftOut && (scores.isEmpty || scores.count + passedOver < limit))
    }

    private mutating func sift() {
        scores.sort { ($0.id ?? 0) < ($1.id ?? 0) }
        guard scores.count > limit else { return }
        leftOut = true
        if question == .newest {
            scores.removeFirst(scores.count - limit)
        } else {
            scores.removeLast(scores.count - limit)
        }
    }
}
