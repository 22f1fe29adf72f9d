/// Every limit of the domain, with its reason. What happens at each is said where it is used.
public enum ScoreLimits {
    // MARK: A score

    /// Characters of a user's name: `"user" varchar(255)`, which PostgreSQL counts in Unicode scalar values.
    public static let userCharacters = 255
    /// The score of `integer` in the table.
    public static let scores = Int64(Int32.min)...Int64(Int32.max)

    // MARK: Reading

    /// Scores of one `GET /scores?limit=`: what a client may want in one answer; it may always omit the limit.
    public static let queryLimit: ClosedRange<Int64> = 1...1_000_000
    /// Bytes of one score that arrives as JSON from the bus or from another gateway. The longest that ours writes has
    /// some 1,650 bytes, and an old service that escapes everything stays below 3,200; members we ignore get the rest.
    public static let elementBytes = 64 << 10

    // MARK: Writing

    /// Rows of one flush. PostgreSQL's rows per second grow little beyond this, and the wait of the first row does.
    public static let rowsPerFlush = 1_000
    /// Rows that wait for a flush, a reactor, with keys and without each: about 0.1 s of what PostgreSQL stores at best,
    /// at most some 17 MB of names. More would be answered later than a client waits.
    public static let waitingRows = 16_000
    /// Bytes of a batch's body: some million scores.
    public static let batchBytes = 64 << 20
    /// How often a flush that was surely rolled back is sent again before its tickets are told.
    public static let flushAttempts = 5

    // MARK: Outbox

    /// Bytes of messages that a reactor holds for the bus. Enough for the confirm window full of the largest usual
    /// flushes; what has no room stays in the outbox table, which has room for any outage.
    public static let outboxBytes = 8 << 20

    /// Characters of an Idempotency-Key: room for any UUID, hash or path that a client may think of, and an index entry
    /// that PostgreSQL takes.
    public static let idempotencyKeyBytes = 255

    // MARK: Queries

    /// Queries of different shape that run at once, a reactor: they share one pipelined connection.
    public static let runningReads = 16
    /// Queries of the same shape that run at once, a reactor: the database begins the second as soon as it has done the
    /// first, without a round trip to us in between. More would only split those who could share one.
    public static let readsOfOneShape = 2
    /// Requests that wait for a read, a reactor. More would be answered later than a client waits.
    public static let waitingReads = 10_000

    // MARK: Slack

    /// Characters of one message. Slack cuts at 40,000 and recommends 4,000 at most (chat.postMessage, "Truncating").
    public static let slackText = 4_000
    /// Lines of a digest that name somebody: what people read. The rest is a number.
    public static let slackLines = 20
    /// The longest wait for Slack's answer, from the first byte: far more than it needs, and little enough that a
    /// message under way is over before SHUTDOWN_TIMEOUT.
    public static let slackAnswer = Duration.seconds(15)
    /// Deliveries held unacknowledged, and so told by one message: at one message a second this is about what a broker
    /// brings at its best (some 20,000 messages a second, of up to 256 scores). Here a delivery held costs nothing, as
    /// only numbers are kept; the broker keeps it in memory, and when Slack says no it keeps no more than these there.
    public static let slackHeldDeliveries: UInt16 = 10_000
    /// How long a delivery is held while Slack says no, then it is handed back: RabbitMQ closes the channel of one that
    /// is not acknowledged in 30 minutes (consumer_timeout; 15 in 3.8.15), and another poster, with another token or
    /// on another network, may be luckier.
    public static let slackHold = Duration.seconds(600)
    /// Slack's own limit: one message a second and channel (rate limits, "Posting messages").
    public static let slackPace = Duration.seconds(1)
    /// Waiting after a 429 that does not say how long.
    public static let slackRetryAfter = Duration.seconds(30)
    /// The longest Retry-After that is believed: a broken proxy must not silence the poster until its next start.
    public static let slackRetryAfterMost = Duration.seconds(3600)
    /// Back-off after 5xx, timeouts and refused connections: doubled from the first to the last.
    public static let slackBackoff = Duration.seconds(1)
    public static let slackBackoffMost = Duration.seconds(60)
    /// Between attempts while Slack says no for good: somebody must act first, then it should resume by itself soon.
    public static let slackLastingRetry = Duration.seconds(60)
    /// Between two log lines about Slack's troubles.
    public static let slackLogInterval = Duration.seconds(60)
    /// Bytes of an answer that are looked at. It repeats the message, and every emoji in it as an object: 250 KB for the
    /// longest text. `ok` stands in front.
    public static let slackAnswerBytes = 1 << 20
    /// Bytes of an error's name that are kept and logged; Slack's longest has about 50.
    public static let slackErrorBytes = 64
}
