import Scores

/// The feed's history from this process's own store.
final class StoreHistory: ScoreHistory {
    private let store: ScoreStore

    init(_ store: ScoreStore) {
        self.store = store
    }

    override func ask(_ question: Question, limit: Int, _ ticket: Ticket) -> Bool {
        let page =
            switch question {
            case .newest: ScorePage(newest: limit)
            case .after(let id): ScorePage(after: id, limit: limit)
            }
        return store.read(page, for: .history(self, ticket))
    }

    func received(_ ticket: Ticket, _ scores: [Score], isLast: Bool) {
        answer(ticket, scores, isLast: isLast)
    }
}
