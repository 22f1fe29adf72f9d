import Bytes
import Glibc
import HTTPServer
import Reactor
import WebSocket

/// The live feed of one reactor in one form: its log and its subscribers. Before the reactor sleeps, every subscriber that is
/// behind the log's head gets one `send` of all it lacks: what came in one turn leaves in one write.
///
/// A subscriber is
///
///     apart    not in the log yet (older scores come from the store first): cursor `.max`
///     held     its stream takes no more: nothing is sent until it has drained
///     direct   nothing else waits on its stream: the send loop writes to the descriptor itself
///     queued   the stream has output of its own (handshake, Pong, a page of history): frames go behind it, into the same
///              output if they are few, or after it has left; a stream under TLS is always queued, and is fed piece by piece
///
/// The order of frames is safe on every path: bytes reach the socket by this loop only while the output is empty and the
/// kernel takes bytes (`isIdleForWriting`). Whoever writes to the output says so (`queue`) before the next round, a send
/// that was cut short puts the rest of its frame there itself, and then nothing is sent from here until `drained`.
final class FeedHub: Source {
    /// As the send loop sees it: all it needs in one place, no object touched, no reference counted.
    private struct Subscriber {
        var cursor: UInt64
        let descriptor: Int32
        var isHeld: Bool
        var isDirect: Bool
        /// Alive for as long as it is here: the server and the stream keep it until `closed`, in which it unsubscribes.
        unowned(unsafe) let subscription: FeedSubscription
    }

    private static let apart = UInt64.max

    let form: FeedForm
    let log: FeedLog
    let reactor: Reactor
    let history: ScoreHistory
    private let metrics: WorkerMetrics
    private var subscribers: [Subscriber] = []
    private var fedUpTo: UInt64 = 0
    private var mustFeed = false
    private var first = 0
    private var timer = TimerToken.none
    /// Whether the log holds what the store had at the start: before, nobody is given a snapshot.
    private(set) var isWarm = false
    /// The same feed for those who agreed on compression: a log of its own, made when the first of them comes.
    private var deflated: FeedHub?

    init(_ reactor: Reactor, _ form: FeedForm, log: FeedLog, history: ScoreHistory, metrics: WorkerMetrics) {
        self.reactor = reactor
        self.form = form
        self.log = log
        self.history = history
        self.metrics = metrics
        super.init()
        reactor.addBeforeSleep(self)
    }

    /// Where somebody subscribes who agreed on that. A client that wants a smaller window than the feed is compressed with
    /// gets plain messages, which it must take as well (RFC 7692, 6); and so does everybody when there is no memory for
    /// one log more.
    func hub(for deflate: PermessageDeflate?) -> FeedHub {
        guard let deflate, deflate.serverWindowBits >= FeedLimits.windowBits else { return self }
        if deflated == nil, let log = try? FeedLog(copy: log) {
            let hub = FeedHub(reactor, .deflatedFrames, log: log, history: history, metrics: metrics)
            hub.isWarm = isWarm
            deflated = hub
        }
        return deflated ?? self
    }

    // MARK: The log

    func append(_ batch: FeedBatch) {
        log.begin(reactor.now)
        let appended = batch.forEach(form) { (bytes, entry) in
            log.append(bytes, id: entry.id, entry.way, seen: entry.seen)
        }
        if form == .frames { metrics.feedScores.add(appended) }
        deflated?.append(batch)
    }

    /// Scores went by that this reactor was too late for: readers come again, and are given them by the store.
    func skip(_ gap: FeedGap) {
        log.begin(reactor.now)
        log.skip(gap)
        deflated?.skip(gap)
    }

    /// The log holds the newest scores of the store, or readers get what there is.
    func warmed(_ filling: FeedFilling) {
        log.filled(filling)
        deflated?.warmed(filling)
        guard !isWarm else { return }
        isWarm = true
        for subscriber in subscribers { subscriber.subscription.place() }
    }

    // MARK: Subscribers

    /// Adds a subscriber, apart. Gives its index, which the hub changes when others leave.
    func subscribe(_ subscription: FeedSubscription, descriptor: Int32) -> Int {
        subscribers.append(
            Subscriber(
                cursor: FeedHub.apart, descriptor: descriptor, isHeld: false, isDirect: false,
                subscription: subscription))
        countSubscribers()
        return subscribers.count - 1
    }

    func unsubscribe(_ index: Int) {
        let last = subscribers.removeLast()
        if index < subscribers.count {
            subscribers[index] = last
            last.subscription.moved(to: index)
        }
        countSubscribers()
    }

    private func countSubscribers() {
        let count = UInt64(subscribers.count)
        switch form {
        case .frames: metrics.subscribers.store(count)
        case .deflatedFrames: metrics.deflatedSubscribers.store(count)
        case .events: metrics.eventSubscribers.store(count)
        }
    }

    /// From here on the subscriber gets what the log has from `position`.
    func follow(_ index: Int, from position: UInt64) {
        subscribers[index].cursor = position
        mustFeed = true
    }

    /// The subscriber's stream has room again.
    func resume(_ index: Int) {
        subscribers[index].isHeld = false
        mustFeed = true
    }

    /// The subscriber's stream has output of its own, which goes first.
    func queue(_ index: Int) {
        subscribers[index].isDirect = false
    }

    /// Why a subscriber is one no longer.
    enum Leaving {
        case slow, history, shutdown, gone
    }

    func count(_ leaving: Leaving) {
        switch leaving {
        case .slow: metrics.feedDisconnectsSlow.add()
        case .history: metrics.feedDisconnectsHistory.add()
        case .shutdown: metrics.feedDisconnectsShutdown.add()
        case .gone: metrics.feedDisconnectsGone.add()
        }
    }

    /// How far the slowest of this round was behind, in bytes; of the WebSockets, which are nearly all.
    private func countLag(from slowest: UInt64) {
        switch form {
        case .frames: metrics.feedLag.store(log.head - slowest)
        case .deflatedFrames: metrics.deflatedFeedLag.store(log.head - slowest)
        case .events: break
        }
    }

    // MARK: The send loop

    override func beforeSleep() {
        guard mustFeed || fedUpTo != log.head else { return }
        mustFeed = false
        fedUpTo = log.head
        let total = subscribers.count
        guard total > 0 else { return }
        // Who comes first has the news first: each round begins with another one.
        first = first + 1 < total ? first + 1 : 0
        let head = log.head
        let tail = log.tail
        var bytesSent: UInt64 = 0
        var sends: UInt64 = 0
        var fallen: [FeedSubscription] = []
        var slowest = head
        var index = first
        for _ in 0..<total {
            defer { index = index + 1 < total ? index + 1 : 0 }
            let cursor = subscribers[index].cursor
            if cursor >= head { continue }
            if cursor < tail {
                fallen.append(subscribers[index].subscription)
                continue
            }
            slowest = min(slowest, cursor)
            if subscribers[index].isHeld || (!subscribers[index].isDirect && !becomesDirect(index)) { continue }
            let bytes = log.bytes(from: cursor)
            let sent = send(subscribers[index].descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            sends &+= 1
            if sent == bytes.count {
                subscribers[index].cursor = head
                bytesSent &+= UInt64(sent)
            } else {
                bytesSent &+= UInt64(max(0, sent))
                hold(index, sent: max(0, sent))
            }
        }
        metrics.feedBytes.add(bytesSent)
        metrics.feedSends.add(sends)
        countLag(from: slowest)
        for subscription in fallen { subscription.fellBehind() }
    }

    /// Whether nothing is left on the stream before the frames. If something is, they are put behind it.
    private func becomesDirect(_ index: Int) -> Bool {
        let stream: TCPStream = subscribers[index].subscription.stream
        if stream.isIdleForWriting {
            subscribers[index].isDirect = true
            return true
        }
        if stream.isWriteBlocked || !stream.isOpen {
            // `drained` follows, or the end.
            subscribers[index].isHeld = true
        } else {
            let lacks = log.head - subscribers[index].cursor
            if !stream.isCongested, lacks <= FeedLimits.copied || stream.isOutputOnly { copyPiece(index, to: stream) }
            // A stream tells of its output's leaving only after congestion, so it is looked at again next turn.
            if subscribers[index].cursor < log.head { lookAgain() }
            stream.scheduleFlush()
        }
        return false
    }

    /// Puts what the subscriber lacks into its stream's output, whole frames and not many at once: what is not copied yet
    /// costs no memory while the peer does not read.
    private func copyPiece(_ index: Int, to stream: TCPStream) {
        let cursor = subscribers[index].cursor
        let end = min(log.head, log.frameEnd(at: min(log.head, cursor + UInt64(FeedLimits.copied))))
        let piece = UnsafeRawBufferPointer(rebasing: log.bytes(from: cursor).prefix(Int(end - cursor)))
        stream.output.append(piece)
        metrics.feedBytes.add(UInt64(piece.count))
        subscribers[index].cursor = end
    }

    private func lookAgain() {
        reactor.cancel(timer)
        timer = reactor.schedule(self, at: reactor.now)
    }

    override func timerFired(_ tag: UInt32) {
        mustFeed = true
    }

    /// The kernel took `sent` bytes and no more. The rest of a frame that was begun goes to the stream's output, so that
    /// control frames can only come between frames; the cursor waits at that frame's end. An error other than a full
    /// socket shows itself to the stream at once, and ends it.
    private func hold(_ index: Int, sent: Int) {
        let stream: TCPStream = subscribers[index].subscription.stream
        let position = subscribers[index].cursor + UInt64(sent)
        let end = log.frameEnd(at: position)
        if end > position {
            stream.output.append(
                UnsafeRawBufferPointer(rebasing: log.bytes(from: position).prefix(Int(end - position))))
        }
        subscribers[index].cursor = end
        subscribers[index].isHeld = true
        subscribers[index].isDirect = false
        stream.awaitWritable()
    }
}
