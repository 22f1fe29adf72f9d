import AMQP
import Glibc
import Testing

/// A RabbitMQ for the tests: the one of TEST_BROKER_URL, or a private one on free ports of 127.0.0.1, which ends with
/// this process, however that ends.
final class Broker: Sendable {
    /// Started by the first test that asks.
    static let shared = Result { try Broker() }

    let endpoint: BrokerEndpoint
    /// Whether `control` reaches it: a private one only.
    let isPrivate: Bool
    private let environment: [String]

    private static let programs = "/usr/lib/rabbitmq/bin"

    private init() throws {
        if let url = getenv("TEST_BROKER_URL") {
            endpoint = try #require(Broker.parse(String(cString: url)), "TEST_BROKER_URL is no amqp URL")
            isPrivate = false
            environment = []
            return
        }
        isPrivate = true
        var template = Array("/tmp/score-broker-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        let (port, distribution, mapper) = (Broker.freePort(), Broker.freePort(), Broker.freePort())
        endpoint = BrokerEndpoint(host: "127.0.0.1", port: port)
        environment = [
            "HOME=\(folder)", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
            "RABBITMQ_NODENAME=score-test-\(getpid())@localhost",
            "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT=\(port)", "RABBITMQ_DIST_PORT=\(distribution)",
            "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT=\(mapper)",
            "RABBITMQ_MNESIA_BASE=\(folder)/mnesia", "RABBITMQ_LOG_BASE=\(folder)/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE=\(folder)/plugins", "RABBITMQ_CONFIG_FILE=\(folder)/rabbitmq",
            "RABBITMQ_CONF_ENV_FILE=\(folder)/none", "RABBITMQ_PID_FILE=\(folder)/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
        ]
        // The shell lives for as long as its standard input, which this process alone holds open.
        let script = """
            cd \(folder) && echo '[].' > plugins && printf 'disk_free_limit.absolute = 1MB\\n' > rabbitmq.conf
            \(Broker.programs)/rabbitmq-server > output 2>&1 & server=$!
            cat > /dev/null
            kill $server; wait $server
            epmd -port \(mapper) -kill > /dev/null 2>&1
            cd / && rm -rf \(folder)
            """
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // ends[1] stays open until the process is gone.
        _ = try Broker.spawn(["/bin/sh", "-c", script], environment, input: ends[0])
        close(ends[0])
    }

    /// Runs rabbitmqctl; `turn` is called while it works, so that clients answer.
    func control(_ arguments: [String], turn: () -> Void) throws {
        let process = try Broker.spawn(["\(Broker.programs)/rabbitmqctl", "-q"] + arguments, environment, input: nil)
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 { turn() }
        #expect(status == 0, "rabbitmqctl \(arguments)")
    }

    private static func spawn(_ command: [String], _ environment: [String], input: Int32?) throws -> pid_t {
        // Who started the tests waits until all descriptors that it gave us are closed.
        for descriptor in Int32(3)..<1024 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        // Not the test run's own output: who reads that would wait for the broker's end.
        for descriptor in [1, 2] as [Int32] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        // The threads of a test block signals, which a child inherits: the broker would not hear SIGTERM.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var process = pid_t()
        let code = posix_spawn(&process, command[0], &actions, &attributes, arguments, variables)
        try #require(code == 0, "\(command[0]): \(String(cString: strerror(code)))")
        return process
    }

    private static func freePort() -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = bind(descriptor, address, length)
                _ = getsockname(descriptor, address, &length)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }

    private static func parse(_ url: String) -> BrokerEndpoint? {
        guard url.hasPrefix("amqp://") else { return nil }
        var rest = url.dropFirst("amqp://".count)
        var endpoint = BrokerEndpoint(host: "localhost")
        if let at = rest.lastIndex(of: "@") {
            let login = rest[..<at].split(separator: ":", maxSplits: 1)
            if let user = login.first { endpoint.user = String(user) }
            if login.count > 1 { endpoint.password = String(login[1]) }
            rest = rest[rest.index(after: at)...]
        }
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...]
            endpoint.virtualHost = path.isEmpty ? "/" : path == "%2f" || path == "%2F" ? "/" : String(path)
            rest = rest[..<slash]
        }
        let place = rest.split(separator: ":")
        if let host = place.first { endpoint.host = String(host) }
        if place.count > 1 { endpoint.port = UInt16(place[1]) ?? 5672 }
        return endpoint
    }
}
