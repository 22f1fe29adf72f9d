/// The reactor's limits, together, with their reasons.
public enum ReactorLimits {
    /// Events taken from epoll a turn: as many as nginx takes; more only lengthens a turn.
    static let eventsPerWait = 512

    /// The one receive buffer of a loop. A stream's unconsumed rest is put in front of what is read, so it must hold
    /// the largest head (64 KiB) beside a useful read.
    static let receiveBuffer = 256 * 1024

    /// Enciphered bytes received at once. Four records: a large body needs few turns, and half of the receive buffer is
    /// never needed for them.
    static let enciphered = 64 * 1024

    /// What a handler may leave unconsumed while it reads on: the largest HTTP head, or an AMQP frame. Beyond it the
    /// stream is closed with EMSGSIZE: a handler that wants more has to take it. (One that pauses may leave all that the
    /// receive buffer held: nothing is added while it pauses.)
    public static let unconsumed = 160 * 1024

    /// Unsent output above which a stream counts as congested (`TCPStream.isCongested`): producers wait for `drained`.
    public static let outputHighWater = 256 * 1024

    /// Output memory a stream keeps between answers. Beyond it an empty buffer is given back at once.
    static let outputKept = 16 * 1024

    /// Connections accepted a turn and listener, so that a connect flood does not starve those already in.
    static let acceptsPerTurn = 64

    /// Receives of TLS handshakes a turn, so that a flood of new clients does not starve those already in: one costs as much as
    /// a hundred requests, with a key of RSA-4096 some milliseconds. Whose turn it is not is reported again by the next wait.
    static let handshakesPerTurn = 16

    /// How long a listener rests when the process has no descriptor left (EMFILE): accept would fail again at once,
    /// and level-triggered epoll would spin.
    static let acceptPause: Duration = .milliseconds(100)

    /// How long a name may take to resolve before the asker is told it failed.
    static let resolve: Duration = .seconds(5)

    /// Look-ups of a reactor whose threads have not ended: getaddrinfo(3) has a patience of its own, half a minute perhaps,
    /// and one that is given up goes on. A gateway connects to three names at most, each again after some seconds; beyond
    /// this the asker is told that it failed.
    static let resolverThreads = 16

    /// The backlog of a listener: what the kernel's own default ceiling (net.core.somaxconn) allows.
    static let listenBacklog: Int32 = 4096

    /// How long a stream that closes after its last answer waits for a peer that does not read.
    static let drain: Duration = .seconds(10)

    /// How long a closing stream waits for the peer's next bytes or FIN, reading and dropping, so that its last answer is
    /// not torn away by a reset (RFC 9112 section 9.6).
    static let lingeringClose: Duration = .seconds(2)

    /// How long at most, while the peer goes on sending: some clients look at the answer only after their whole body.
    static let lingeringMost: Duration = .seconds(30)
}
