import Reactor
import Scores

/// Where older scores come from: the store of this process, or another gateway's (or the replaced service's)
/// `GET /scores`. Answers come in a later turn.
class ScoreHistory {
    typealias Ticket = Token

    typealias Question = HistoryQuestion

    /// What waits for an answer. A class with overridable methods, as everything a reactor calls.
    enum Asker {
        case subscriber(FeedSubscription)
        case feed(FeedSource)
        case queue(LocalQueue)

        func fetched(_ scores: [Score], isLast: Bool) {
            switch self {
            case .subscriber(let subscription): subscription.fetched(scores, isLast: isLast)
            case .feed(let feed): feed.fetched(scores, isLast: isLast)
            case .queue(let queue): queue.fetched(scores, isLast: isLast)
            }
        }

        func failed() {
            switch self {
            case .subscriber(let subscription): subscription.fetchFailed()
            case .feed(let feed): feed.fetchFailed()
            case .queue(let queue): queue.fetchFailed()
            }
        }
    }

    private var askers = Slab<Asker>()

    /// Asks for at most `limit` scores.
    /// - Returns: nil when it cannot be asked now; nothing follows then.
    final func fetch(_ question: Question, limit: Int, for subscription: FeedSubscription) -> Ticket? {
        fetch(question, limit: limit, .subscriber(subscription))
    }

    final func fetch(_ question: Question, limit: Int, for feed: FeedSource) -> Ticket? {
        fetch(question, limit: limit, .feed(feed))
    }

    final func fetch(_ question: Question, limit: Int, for queue: LocalQueue) -> Ticket? {
        fetch(question, limit: limit, .queue(queue))
    }

    private func fetch(_ question: Question, limit: Int, _ asker: Asker) -> Ticket? {
        let ticket = askers.insert(asker)
        if ask(question, limit: limit, ticket) { return ticket }
        askers.remove(ticket)
        return nil
    }

    /// The answer is not wanted any more.
    final func cancel(_ ticket: Ticket) {
        askers.remove(ticket)
    }

    /// For the subclass: sends the question; `answer` or `fail` follow, never before this returns.
    /// - Returns: false when it cannot be sent now; nothing follows then.
    func ask(_ question: Question, limit: Int, _ ticket: Ticket) -> Bool { false }

    final func answer(_ ticket: Ticket, _ scores: [Score], isLast: Bool) {
        askers.remove(ticket)?.fetched(scores, isLast: isLast)
    }

    final func fail(_ ticket: Ticket) {
        askers.remove(ticket)?.failed()
    }
}
