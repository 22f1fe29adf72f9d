import Scores

/// The feed's history from this process's own store.
final class StoreHistory: ScoreHistory {
    private let reader: ScoreReader

    init(_ reader: ScoreReader) {
        self.reader = reader
    }

    override func ask(_ question: Question, limit: Int, _ ticket: Ticket) -> Bool {
        let page =
            switch question {
            case .newest: ScorePage(newest: limit)
            case .after(let id): ScorePage(after: id, limit: limit)
            }
        return reader.read(page, for: .history(self, ticket))
    }

    func received(_ ticket: Ticket, _ scores: [Score], isLast: Bool) {
        answer(ticket, scores, isLast: isLast)
    }
}
