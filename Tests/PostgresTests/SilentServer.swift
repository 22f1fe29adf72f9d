import Glibc

@testable import Reactor

/// Listens and accepts (the kernel does), and never says a word.
final class SilentServer {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard let address = SocketAddress(numeric: "127.0.0.1", port: 0), address.bind(descriptor) == 0,
            listen(descriptor, 8) == 0
        else { throw SystemError.last("listen") }
        port = SocketAddress(localOf: descriptor).port
    }

    deinit {
        close(descriptor)
    }
}
