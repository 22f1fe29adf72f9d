import Bytes
import Reactor

/// What the clients of a server make it hold: heads and bodies that are not whole yet, answers that are not read yet. Every
/// connection has limits of its own; this one is of all together, as 20,000 times little is much.
///
///     bytes come, answers are made ──▶ estimate ── over the limit ──▶ counted ── still over ──▶ refused: what needs more
///                                         ▲                              │                      and before sleep shed: who
///                                         └───────── once a second ──────┘                      holds most, and does not
///                                                                                               go on
///
/// The estimate only grows between two counts, so that nobody has to say what has left. Nobody is let go of while
/// requests are dealt with: it could be the one that is.
struct HeldMemory {
    let most: Int
    /// Who holds less than this is let be: not so much that as many as there may be could fill it without one to let go of.
    let little: Int
    private(set) var estimate = 0
    private var countsAgainAt = Instant.distantPast
    /// A count found too much, and nobody was let go of since.
    private var isFoundOver = false

    init(most: Int, connections: Int) {
        self.most = most
        little = min(HTTPServerLimits.heldLittle, most / 4 * 3 / max(1, connections))
    }

    @inline(__always) mutating func add(_ bytes: Int) { estimate += bytes }

    @inline(__always) var isOver: Bool { estimate > most }

    /// Whether counting is worth it: the estimate is over, and the last count is not of a moment ago.
    func mustCount(_ now: Instant) -> Bool { isOver && now >= countsAgainAt }

    /// Whether somebody is to be let go of.
    func mustShed(_ now: Instant) -> Bool { isFoundOver || mustCount(now) }

    mutating func counted(_ bytes: Int, at now: Instant) {
        estimate = bytes
        countsAgainAt = now + HTTPServerLimits.recount
        isFoundOver = isOver
    }

    mutating func shed(to bytes: Int, at now: Instant) {
        counted(bytes, at: now)
        isFoundOver = false
    }
}

/// One that might be let go.
private struct Holder {
    let connection: ServerConnection
    let bytes: Int
}

extension HTTPServer {
    /// What clients make us hold, in bytes: as counted a second ago, and what has been added since.
    public var heldByClients: Int { held.estimate }

    /// Whether what clients make us hold is more than it may be: what would make it more is to be refused (503). Before the
    /// turn ends, those who hold most are let go.
    public var isShortOfMemory: Bool {
        guard held.isOver else { return false }
        if held.mustCount(reactor.now) {
            held.counted(connections.values.reduce(0) { $0 + $1.heldBytes }, at: reactor.now)
        }
        return held.isOver
    }

    /// Counts what is held, and lets go of some when it is too much: first whoever holds most, of those who do not read, or
    /// whose body is not whole. Who reads, however slowly, and asks for no more than one answer, is not among them.
    func shedHeld() {
        let now = reactor.now
        var total = 0
        var holders: [Holder] = []
        for connection in connections.values {
            connection.giveBack()
            let bytes = connection.heldBytes
            total += bytes
            if bytes >= held.little, connection.mayBeShed(now) {
                holders.append(Holder(connection: connection, bytes: bytes))
            }
        }
        if total > held.most {
            holders.sort { $0.bytes > $1.bytes }
            for holder in holders where total > held.most / 4 * 3 {
                total -= holder.bytes
                count(.memory)
                holder.connection.shed()
            }
        }
        held.shed(to: total, at: now)
    }
}

extension TCPStream {
    /// Whether it holds output for a peer that does not read: much, or for some time.
    func isHeldUp(_ now: Instant) -> Bool {
        isWriteBlocked && (isCongested || now - lastProgress > HTTPServerLimits.heldUp)
    }
}
