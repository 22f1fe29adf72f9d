import Bytes
import Glibc
import Reactor

/// One blocking conversation with a server, bounded by a deadline: for the commands that ask whether somebody is there.
/// Not for a reactor.
struct Probe: ~Copyable {
    /// Why nobody is there, in words that follow the name of the server.
    struct Failure: Error, Equatable {
        var reason: String

        init(_ reason: String) { self.reason = reason }

        static func system(_ code: Int32) -> Failure { Failure(String(cString: strerror(code))) }
    }

    private let descriptor: Int32
    private let deadline: Instant

    deinit {
        close(descriptor)
    }

    /// Connects to the first address of `host` that answers.
    init(host: String, port: UInt16, deadline: Instant) throws(Failure) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &found)
        guard code == 0 else { throw Failure(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(found) }
        var failure = Failure("no address")
        var next = found
        while let entry = next {
            next = entry.pointee.ai_next
            do throws(Failure) {
                descriptor = try Self.connect(
                    entry.pointee.ai_family, entry.pointee.ai_addr, entry.pointee.ai_addrlen, deadline: deadline)
                self.deadline = deadline
                return
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// Connects to a unix socket.
    /// - Parameter path: one that begins with `@` is in the abstract namespace.
    init(socketPath path: String, deadline: Instant) throws(Failure) {
        guard let address = SocketAddress(unix: path) else { throw Failure("the path of the socket is too long") }
        descriptor = try address.withSockaddr { pointer, length throws(Failure) in
            try Self.connect(AF_UNIX, pointer, length, deadline: deadline)
        }
        self.deadline = deadline
    }

    private static func connect(
        _ family: Int32, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t, deadline: Instant
    ) throws(Failure) -> Int32 {
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(family, Int32(type), 0)
        guard descriptor >= 0 else { throw .system(errno) }
        do throws(Failure) {
            if Glibc.connect(descriptor, address, length) != 0 {
                guard errno == EINPROGRESS else { throw .system(errno) }
                try wait(descriptor, for: POLLOUT, until: deadline)
                var code: Int32 = 0
                var size = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
                guard code == 0 else { throw .system(code) }
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func wait(_ descriptor: Int32, for events: Int32, until deadline: Instant) throws(Failure) {
        while true {
            let left = (deadline - Reactor.monotonic()).wholeNanoseconds
            guard left > 0 else { throw Failure("no answer in time") }
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            // Rounded up: a wait that ends too early would be repeated for nothing.
            let count = poll(&entry, 1, Int32(clamping: left / 1_000_000 + 1))
            if count > 0 { return }
            guard count == 0 || errno == EINTR else { throw .system(errno) }
        }
    }

    borrowing func send(_ bytes: [UInt8]) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try Self.wait(descriptor, for: POLLOUT, until: deadline)
            } else if errno != EINTR {
                throw .system(errno)
            }
        }
    }

    /// At least `count` bytes, and more when they are there; fewer only at the end of the stream.
    borrowing func receive(atLeast count: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count < count {
            let received = recv(descriptor, &chunk, chunk.count, 0)
            if received > 0 {
                bytes += chunk[..<received]
            } else if received == 0 {
                break
            } else if errno == EAGAIN {
                try Self.wait(descriptor, for: POLLIN, until: deadline)
            } else if errno != EINTR {
                throw .system(errno)
            }
        }
        return bytes
    }
}
