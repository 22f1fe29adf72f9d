import Bytes
import CLinux
import Glibc

/// A listening socket. With SO_REUSEPORT each reactor has its own, and the kernel spreads connections over them.
open class TCPListener: Source {
    public let reactor: Reactor
    private let descriptor: Int32
    private var token = Token.none
    private var resting = TimerToken.none
    /// Others hold the socket too: what waits in its backlog is served by them, or by who comes after us.
    private let isInherited: Bool

    /// Binds and listens.
    /// - Parameter sharesPort: other sockets of ours (SO_REUSEPORT) listen on the same address.
    public init(_ reactor: Reactor, on address: SocketAddress, sharesPort: Bool) throws(SystemError) {
        self.reactor = reactor
        isInherited = false
        descriptor = try address.socket()
        super.init()
        do throws(SystemError) {
            try listen(address, sharesPort)
            token = try reactor.register(descriptor, .readable, self)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Accepts from a socket that somebody else has bound and keeps: a service manager (`sd_listen_fds(3)`), another
    /// reactor. It is duplicated; closing the listener leaves its backlog alone.
    public init(_ reactor: Reactor, inheriting descriptor: Int32) throws(SystemError) {
        self.reactor = reactor
        isInherited = true
        self.descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard self.descriptor >= 0 else { throw .last("fcntl(F_DUPFD_CLOEXEC)") }
        super.init()
        do throws(SystemError) {
            guard fcntl(self.descriptor, F_SETFL, fcntl(self.descriptor, F_GETFL) | O_NONBLOCK) == 0 else {
                throw .last("fcntl(F_SETFL)")
            }
            token = try reactor.register(self.descriptor, .readable, self)
        } catch {
            Glibc.close(self.descriptor)
            throw error
        }
    }

    private func listen(_ address: SocketAddress, _ sharesPort: Bool) throws(SystemError) {
        _ = clinux_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if sharesPort { _ = clinux_set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        guard address.bind(descriptor) == 0 else { throw .last("bind") }
        guard Glibc.listen(descriptor, ReactorLimits.listenBacklog) == 0 else { throw .last("listen") }
    }

    /// Where it listens: with port 0 asked for, the port the kernel chose.
    public var localAddress: SocketAddress { SocketAddress(localOf: descriptor) }

    /// A connection came in. The descriptor is nonblocking and belongs to the callee.
    open func accepted(_ descriptor: Int32) {
        Glibc.close(descriptor)
    }

    /// Looks whether nobody listens on an address, which SO_REUSEPORT would hide. Binds and does not listen, so that
    /// nobody connects to a socket that is about to go.
    /// - Returns: the address, with the port the kernel chose for port 0.
    public static func free(_ address: SocketAddress) throws(SystemError) -> SocketAddress {
        let probe = try address.socket()
        defer { Glibc.close(probe) }
        _ = clinux_set_option(probe, SOL_SOCKET, SO_REUSEADDR, 1)
        guard address.bind(probe) == 0 else { throw .last("bind") }
        return SocketAddress(localOf: probe)
    }

    /// The process has no descriptor left; the listener rests and tries again by itself.
    open func acceptFailed(_ error: SystemError) {}

    /// Stops listening. What waits in the backlog is accepted first, so that nobody who got in is reset; that of an
    /// inherited socket waits for who listens next.
    public func close() {
        guard token != .none else { return }
        if !isInherited { acceptBurst(limit: Int(ReactorLimits.listenBacklog)) }
        reactor.cancel(resting)
        reactor.deregister(token)
        token = .none
        Glibc.close(descriptor)
    }

    public final override func ready(_ readiness: Readiness) {
        acceptBurst(limit: ReactorLimits.acceptsPerTurn)
    }

    public final override func timerFired(_ tag: UInt32) {
        reactor.modify(token, .readable)
    }

    private func acceptBurst(limit: Int) {
        for _ in 0..<limit {
            let connection = clinux_accept(descriptor)
            if connection >= 0 {
                accepted(connection)
                continue
            }
            switch errno {
            case EAGAIN: return
            case EINTR, ECONNABORTED, EPROTO, EPERM: continue  // that one peer is gone; the next may be fine
            default:
                let error = SystemError.last("accept4")
                reactor.modify(token, [])
                resting = reactor.schedule(self, at: reactor.now + ReactorLimits.acceptPause)
                acceptFailed(error)
                return
            }
        }
    }
}
