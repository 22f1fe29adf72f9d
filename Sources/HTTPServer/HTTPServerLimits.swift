/// The server's limits, together, with their reasons.
public enum HTTPServerLimits {
    /// Requests of one connection that wait for their answers. Pipelining clients gain nothing beyond some dozens, and
    /// a single connection must not fill the write backlog.
    static let pipelinedRequests = 128

    /// So many are left when reading resumes. Half: the bytes that waited are looked at once for many answers, not for
    /// each.
    static let pipelinedRequestsToResume = pipelinedRequests / 2

    /// A body that arrives slower than this many bytes a second, after the request timeout as a start-up allowance, is
    /// given up with 408: a dripping client must not hold memory for long.
    static let slowestBody: Int64 = 1024

    /// Requests of one connection that are begun in a turn: then it is the others' turn. As many as a pipelining client may
    /// have under way, so that none of those has to wait.
    static let requestsPerTurn = pipelinedRequests

    /// Bytes of frames that a WebSocket's turn has: some 10,000 Pings at worst.
    static let frameBytesPerTurn = 64 << 10

    /// What all clients of the process together may make it hold (`HeldMemory`): 2,500 answers of a page each, or 256
    /// bodies of 1 MiB that are not whole. Beyond it those who hold most and do not go on are cut off, and what would need
    /// more is answered 503. Together with everything else this stays below the 512 MiB that deploy/kubernetes allows.
    public static let heldBytes = 256 << 20

    /// A reactor's share of it is not smaller than this, however many there are.
    public static let heldBytesOfReactor = 16 << 20

    /// Who holds less than this is not worth cutting off, unless there may be so many connections that all of them together
    /// would be (`HeldMemory.little`).
    static let heldLittle = 16 << 10

    /// A client that takes nothing for so long is one that does not read, when memory is short. (When it is not, that
    /// takes `writeStall`.)
    static let heldUp: Duration = .seconds(5)

    /// At most so often is counted what is held: a walk over all connections.
    static let recount: Duration = .milliseconds(10)

    /// Refused connections of a reactor that linger until their client has read why; beyond it they are closed at once, and
    /// a client that has sent its request already may see a reset instead.
    static let refusedLingering = 64

    /// How often deadlines of connections are looked at: one walk over all of them instead of a timer for each.
    static let sweep: Duration = .seconds(1)

    /// How long output may wait for a peer that does not read any of it, or, under TLS, does not end a message of a handshake
    /// that it began, before which nothing can be sent.
    static let writeStall: Duration = .seconds(60)

    /// Between two comments on an event stream: proxies give up on a connection that is silent for a minute, some after
    /// half of it.
    static let eventReminder: Duration = .seconds(20)

    /// While draining: how often connections are told, and how many at least each time. A handful is told at once; some
    /// hundreds do not come back to their next server within a second.
    static let drainTick: Duration = .milliseconds(50)
    static let drainsPerTick = 5

    /// While draining: how long a connection may be silent from its beginning. Its first request is on its way, and
    /// unlike one on a kept connection (RFC 9112 section 9.3.1) no client expects to have to repeat it.
    static let firstRequest: Duration = .seconds(1)

    /// Body bytes kept between requests of one connection; larger buffers are given back at once.
    static let bodyKept = 4096

    /// Bytes set aside for the head of an answer, fields of the responder's own aside: nearly all heads are shorter, so
    /// an answer grows its memory once.
    static let usualHead = 256
}
