import Bytes
import HTTPServer
import Reactor
import Scores

/// One subscriber of the feed, whatever its connection: a snapshot, or what it missed, then everything as it comes.
///
///     .newest  ───────────────────────────────────────────────▶ placed: the hub sends from the cursor on
///        ▲   └─▶ what the log has out of order: into the output ─▶ placed behind it
///        └──────────────────────────┘ (when the stream has room)
///     .after ──▶ the log reaches back ────────────────────────▶ placed
///        ▲   └─▶ fetching ──▶ a page: into the output ── last ─▶ placed at the mark
///        └──────────────────────────┘ (when the stream has room)
///
/// No hole, whatever happens in between (why: `BackfillMark`):
/// * committed before the store looked: in a page;
/// * committed later: in the log behind the mark, for it comes by the bus, which is after its commit. While the log
///   itself catches up after an outage of the bus, what it missed is appended behind the mark as well;
/// * the log moved on and dropped what stood at the mark: the subscriber is told to come again;
/// * it leaves while a page is fetched: the ticket is cancelled, nothing comes;
/// * its stream is full: the next page is asked for when it has drained.
final class FeedSubscription {
    /// Where the feed begins for this subscriber.
    enum Start: Equatable {
        /// With the newest scores, so many.
        case newest(Int)
        /// With everything newer than this id.
        case after(Int64)
    }

    /// Older scores on their way from the store, or from where they stand in the log out of order. Few subscribers ever need it, and most of them not for long.
    private final class Backfill {
        var fetching: ScoreHistory.Ticket?
        var mark: BackfillMark?
        var snapshot: FeedSnapshot?
    }

    private let hub: FeedHub
    private unowned let connection: UpgradedConnection
    private var start: Start
    /// Its place among the hub's subscribers while it is one.
    private var index: Int32?
    /// In the log; before, older scores are on their way.
    private var isPlaced = false
    /// It was told to go, and counted.
    private var hasLeft = false
    private var backfill: Backfill?

    init(_ hub: FeedHub, start: Start, on connection: UpgradedConnection) {
        self.hub = hub
        self.start = start
        self.connection = connection
    }

    var stream: TCPStream { connection.stream }

    func opened() {
        index = Int32(hub.subscribe(self, descriptor: stream.descriptor))
        if hub.isWarm { place() }
    }

    /// The hub gave this subscriber another index.
    func moved(to index: Int) {
        self.index = Int32(index)
    }

    /// Finds the place in the log. What the log has no more comes from the store, page by page, until the log has the
    /// rest.
    func place() {
        guard connection.isOpen, backfill?.fetching == nil else { return }
        switch start {
        case .newest(let number):
            begin(with: backfill?.snapshot ?? hub.log.snapshot(ofNewest: number))
        case .after(let id):
            if let mark = backfill?.mark {
                if let position = hub.log.position(after: id) {
                    follow(from: min(position, mark.position))
                } else if !stream.isCongested {
                    fetch(after: id)
                }
            } else if !stream.isCongested {
                switch hub.log.resume(after: id, hub.reactor.now) {
                case .log(let position): follow(from: position)
                case .store(let id): fetch(after: id)
                }
            }
        }
    }

    private func begin(with snapshot: FeedSnapshot) {
        var rest = snapshot
        while rest.isPast, !stream.isCongested {
            guard let frame = hub.log.next(&rest) else {
                fellBehind()
                return
            }
            stream.output.append(frame)
        }
        if rest != snapshot, let index {
            stream.scheduleFlush()
            hub.queue(Int(index))
        }
        if rest.isPast {
            let backfill = backfill ?? Backfill()
            backfill.snapshot = rest
            self.backfill = backfill
        } else {
            follow(from: rest.position)
        }
    }

    private func fetch(after id: Int64) {
        start = .after(id)
        // Noted before the store looks.
        let place = hub.log.noteBackfill()
        let backfill = backfill ?? Backfill()
        self.backfill = backfill
        if let mark = backfill.mark {
            backfill.mark?.asking(after: id, place, lowest: hub.log.lowest(since: mark.place))
        } else {
            backfill.mark = BackfillMark(place)
        }
        backfill.fetching =
            backfill.mark?.end == nil
            ? hub.history.fetch(.newest, limit: 1, for: self)
            : hub.history.fetch(.after(id), limit: FeedLimits.page, for: self)
        if backfill.fetching == nil { fetchFailed() }
    }

    private func follow(from position: UInt64) {
        guard let index else { return }
        guard position >= hub.log.tail else {
            fellBehind()
            return
        }
        isPlaced = true
        backfill = nil
        hub.follow(Int(index), from: position)
    }

    /// A page of older scores, in id order; or the newest one, with which they end.
    /// - Parameter isLast: the store has no newer ones.
    func fetched(_ scores: [Score], isLast: Bool) {
        backfill?.fetching = nil
        guard let index, connection.isOpen, let mark = backfill?.mark, case .after(let id) = start else { return }
        guard let end = mark.end else {
            backfill?.mark?.end(with: scores.last?.id ?? 0)
            fetch(after: id)
            return
        }
        // What is above comes behind the mark.
        let page = scores.prefix { ($0.id ?? 0) <= end }
        stream.output.append(FeedBatch.encode(page, hub.form).bytes)
        stream.scheduleFlush()
        hub.queue(Int(index))
        start = .after(scores.last?.id ?? id)
        if isLast || page.count < scores.count {
            follow(from: mark.position)
        } else {
            place()
        }
    }

    /// The store cannot be asked now: the client shall come again with the same `after`; it must not get a hole.
    func fetchFailed() {
        backfill?.fetching = nil
        leave(.history, "the history is out of reach")
    }

    /// The log went past this subscriber's cursor.
    func fellBehind() {
        leave(.slow, "too slow; resume with after")
    }

    private func leave(_ leaving: FeedHub.Leaving, _ reason: StaticString) {
        hasLeft = true
        hub.count(leaving)
        connection.comeAgain(reason)
    }

    /// The stream has output that is not the hub's.
    func wroteControl() {
        if let index { hub.queue(Int(index)) }
    }

    func ending() {
        if let fetching = backfill?.fetching { hub.history.cancel(fetching) }
        backfill = nil
        if let index {
            hub.unsubscribe(Int(index))
            if !hasLeft { hub.count(connection.server.isDraining ? .shutdown : .gone) }
        }
        index = nil
    }

    func drained() {
        guard let index else { return }
        hub.resume(Int(index))
        // The next page was held back while the last one was not out yet.
        if !isPlaced, hub.isWarm { place() }
    }
}
