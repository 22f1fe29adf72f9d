import Bytes
import Glibc
import Reactor

/// What started this process, if it speaks systemd's protocols: sockets that it holds for us (`sd_listen_fds(3)`), and a
/// datagram socket that wants to know how we are (`sd_notify(3)`). Without one, everything here does nothing.
struct Systemd: Sendable {
    /// Listening sockets that were handed over; they stay the manager's, and with them whoever waits in the backlog.
    let sockets: [Int32]
    /// How often it expects a sign of life; nil: it does not.
    let watchdog: Duration?
    private let address: SocketAddress?

    /// The first descriptor that is handed over (SD_LISTEN_FDS_START).
    private static let firstSocket: Int32 = 3
    /// More are an error of whoever counted them; systemd's own limit of sockets in a unit is far below.
    private static let mostSockets: Int32 = 1024

    /// - Parameter variable: the environment.
    init(process: Int32, variable: (String) -> String?) {
        let own = "\(process)"
        address = variable("NOTIFY_SOCKET").flatMap { SocketAddress(unix: $0) }
        // The two PIDs say whom the variables are meant for: they are inherited by children too.
        let isWatched = address != nil && (variable("WATCHDOG_PID") ?? own) == own
        watchdog = isWatched ? variable("WATCHDOG_USEC").flatMap(Int64.init).flatMap(Self.interval) : nil
        let count = variable("LISTEN_PID") == own ? variable("LISTEN_FDS").flatMap(Int32.init) ?? 0 : 0
        sockets = (0..<min(max(0, count), Self.mostSockets)).map { Self.firstSocket + $0 }
    }

    /// That of this process.
    static var ofThisProcess: Systemd {
        Systemd(process: getpid()) { name in getenv(name).map { String(cString: $0) } }
    }

    private static func interval(_ microseconds: Int64) -> Duration? {
        microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// The sockets a reactor accepts from. Every socket has one, and every reactor has one.
    func sockets(of index: Int, among count: Int) -> [Int32] {
        guard !sockets.isEmpty else { return [] }
        if sockets.count < count { return [sockets[index % sockets.count]] }
        return stride(from: index, to: sockets.count, by: count).map { sockets[$0] }
    }

    enum Event {
        /// The start is over; the text is shown by `systemctl status`.
        case ready(status: String)
        case stopping
        case alive
    }

    /// Tells the manager. It may be gone or busy; then there is nobody to tell.
    func notify(_ event: Event) {
        guard let address else { return }
        let text =
            switch event {
            case .ready(let status): "READY=1\nSTATUS=\(status)"
            case .stopping: "STOPPING=1\nSTATUS=shutting down"
            case .alive: "WATCHDOG=1"
            }
        try? address.send(datagram: text)
    }
}
