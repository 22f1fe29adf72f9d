import CLinux
import Glibc

/// An IPv4, IPv6 or UNIX-domain address, in the kernel's own form.
public struct SocketAddress: Sendable, Equatable, CustomStringConvertible {
    /// The bytes of `sockaddr_in`, `sockaddr_in6` or `sockaddr_un`.
    let bytes: [UInt8]
    public let family: Int32

    init(bytes: [UInt8], family: Int32) {
        self.bytes = bytes
        self.family = family
    }

    /// A numeric IPv4 or IPv6 address; nil for a name.
    public init?(numeric host: String, port: UInt16) {
        var four = sockaddr_in()
        if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            self.init(bytes: withUnsafeBytes(of: four) { Array($0) }, family: AF_INET)
            return
        }
        var six = sockaddr_in6()
        guard inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return nil }
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        self.init(bytes: withUnsafeBytes(of: six) { Array($0) }, family: AF_INET6)
    }

    /// A UNIX-domain address: a path, or an abstract name behind `@` (unix(7)); nil when it does not fit.
    public init?(unix path: String) {
        var name = Array(path.utf8)
        var address = sockaddr_un()
        guard !name.isEmpty, name.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        // An abstract name is as long as it is said to be; a path ends with a zero byte.
        if name[0] == UInt8(ascii: "@") { name[0] = 0 } else { name.append(0) }
        address.sun_family = sa_family_t(AF_UNIX)
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
        let header = withUnsafeBytes(of: address) { Array($0.prefix(offset)) }
        self.init(bytes: header + name, family: AF_UNIX)
    }

    /// Calls `body` with the address in the form of the C library; the pointer is not good for longer.
    public func withSockaddr<R, Failure: Error>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> R
    ) throws(Failure) -> R {
        let result: Result<R, Failure> = bytes.withUnsafeBytes { bytes in
            let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            return Result { () throws(Failure) in try body(pointer, socklen_t(bytes.count)) }
        }
        return try result.get()
    }

    /// Sends one datagram to this UNIX-domain address, without waiting.
    public func send(datagram text: String) throws(SystemError) {
        let descriptor = clinux_socket(family, Int32(SOCK_DGRAM.rawValue))
        guard descriptor >= 0 else { throw .last("socket") }
        defer { Glibc.close(descriptor) }
        guard connect(descriptor) == 0 else { throw .last("connect") }
        let bytes = Array(text.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw .last("send")
        }
    }

    /// The local address of a bound socket.
    public init(localOf descriptor: Int32) {
        self.init(of: descriptor, clinux_local_address)
    }

    /// The address of the other end of a connected socket.
    public init(peerOf descriptor: Int32) {
        self.init(of: descriptor, clinux_peer_address)
    }

    private init(of descriptor: Int32, _ ask: (Int32, UnsafeMutableRawPointer?, UInt32) -> UInt32) {
        var storage = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_storage>.size)
        let length = storage.withUnsafeMutableBytes { ask(descriptor, $0.baseAddress, UInt32($0.count)) }
        storage.removeLast(storage.count - Int(length))
        let family = storage.count > 1 ? Int32(storage[0]) | Int32(storage[1]) << 8 : AF_UNSPEC
        self.init(bytes: storage, family: family)
    }

    /// The host alone, in numbers: what libpq takes as `hostaddr`.
    public var host: String {
        switch family {
        case AF_INET: numeric(at: MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)!, Int(INET_ADDRSTRLEN))
        case AF_INET6: numeric(at: MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!, Int(INET6_ADDRSTRLEN))
        default: "unix"
        }
    }

    public var port: UInt16 {
        guard family == AF_INET || family == AF_INET6 else { return 0 }
        // sin_port and sin6_port stand at the same place.
        return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }

    public var description: String {
        family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private func numeric(at offset: Int, _ capacity: Int) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { text in
            bytes.withUnsafeBytes { bytes in
                _ = inet_ntop(family, bytes.baseAddress! + offset, text.baseAddress!, socklen_t(capacity))
            }
            return String(cString: text.baseAddress!)
        }
    }

    /// A nonblocking stream socket of this family.
    func socket() throws(SystemError) -> Int32 {
        let descriptor = clinux_socket(family, Int32(SOCK_STREAM.rawValue))
        guard descriptor >= 0 else { throw .last("socket") }
        return descriptor
    }

    func bind(_ descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { clinux_bind(descriptor, $0.baseAddress, UInt32($0.count)) }
    }

    func connect(_ descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { clinux_connect(descriptor, $0.baseAddress, UInt32($0.count)) }
    }
}
