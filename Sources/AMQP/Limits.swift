/// The module's limits, together, with their reasons.
public enum Limits {
    /// The largest frame we agree to, in bytes, header and end octet included: RabbitMQ's own default, and small enough
    /// for a stream to keep one whole (`Reactor.Limits.unconsumed`).
    static let frame = 131_072

    /// What every peer takes before tuning (AMQP 0-9-1, frame-min-size). No method of ours is longer.
    static let smallestFrame = 4096

    /// The longest method we take, as a frame in bytes: four times what a broker may send before tuning, and the longest
    /// is the first. The library reads nested tables by recursion, each in six bytes: of a frame as long as a body's
    /// they would fill a thread's stack.
    static let method = 4 * smallestFrame

    /// Tables within tables that are kept of a method: what is asked for is one level down.
    static let tableDepth = 4

    /// The longest short string (section 4.2.5.3): names of exchanges and queues, message ids, content types, in bytes.
    public static let shortString = 255

    /// Unicode scalars of a reply text we send: certainly a short string in UTF-8.
    static let replyText = 60

    /// The longest message body in bytes, sent or delivered: far above any batch of this program, and far below what
    /// would hurt it. A longer delivery is dropped as it comes, refused without requeueing, and reported.
    public static let body = 16 * 1024 * 1024

    /// Memory kept between two bodies of several frames.
    static let bodyKept = 256 * 1024

    /// Unconfirmed messages on the way. RabbitMQ reaches its ceiling with some hundreds (classic queue: 192 for 88,000
    /// messages a second; quorum queues want more), and so many are resent after a loss.
    public static let confirmWindow = 1000

    /// Deliveries a consumer with manual acks holds unanswered.
    public static let prefetch: UInt16 = 200

    /// From the TCP connection to the declared topology, and again for each time the topology is declared anew.
    /// A broker that starts answers slowly; one that hangs must not hold us.
    static let handshake: Duration = .seconds(10)

    /// A connection that stood for so long was good: the next failure is tried again at once. One that fails sooner
    /// goes on backing off, or a lasting fault behind a good handshake would reconnect without pause.
    static let stood: Duration = .seconds(5)

    /// How often a consumer binds its queue again: so long it may hear nothing after somebody has deleted the exchange. The
    /// broker looks it up and does nothing.
    static let rebind: Duration = .seconds(10)

    /// A channel that the broker closes again sooner than this after it was ready takes the connection with it, and
    /// that one's back-off.
    static let channelStood: Duration = .seconds(1)

    /// The wait between tries when the broker refuses us for a reason that only people change (`AMQPError.isLasting`).
    static let lastingRetry: Duration = .seconds(5)

    /// How often within one connection exchange and queue together are declared before the error counts: each may be
    /// there with other properties, and gone again when asked for.
    static let declarations = 8

    /// How often a quorum queue gives out a message before it drops it. RabbitMQ 4 says 20 when nobody says otherwise,
    /// which a consumer that hands back what it cannot deal with yet reaches in hours; 3 knows no word for "never".
    static let deliveries = Int32.max
}
