import Glibc
import Testing

@testable import Postgres

/// A PostgreSQL of this test run alone: a fresh cluster in a temporary folder, on a free port of 127.0.0.1 and a UNIX
/// socket. It ends with the process.
final class PrivateServer: Sendable {
    static let shared = PrivateServer()

    let folder: String
    let port: UInt16
    private let prefix: String
    private let binaries: String
    let isAvailable: Bool

    private init() {
        var template = Array("/tmp/postgres-tests-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        binaries = shellOutput("ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1")
        // The server refuses to run as root.
        prefix = getuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --init-groups " : ""
        port = PrivateServer.freePort()
        isAvailable = !binaries.isEmpty
        guard isAvailable else { return }
        if getuid() == 0 { run("chown postgres:postgres \(folder)") }
        run("\(prefix)\(binaries)/initdb -D \(folder)/data -U tester -A trust --no-sync")
        // Everything from localhost is trusted, but this role must show its password.
        admit("host all guarded 127.0.0.1/32 scram-sha-256")
        run(
            "\(prefix)openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
                + "-addext subjectAltName=DNS:localhost -keyout \(folder)/data/server.key -out \(folder)/data/server.crt"
        )
        run("chmod 600 \(folder)/data/server.key")
        let settings = """
            listen_addresses = '127.0.0.1'
            port = \(port)
            unix_socket_directories = '\(folder)'
            ssl = on
            fsync = off
            max_connections = 40
            """
        run("printf '%s\\n' \"\(settings)\" | \(prefix)tee -a \(folder)/data/postgresql.conf")
        start()
        watch()
    }

    /// Ends the server when this process ends, in whatever way: a test run that crashes or is killed runs no code.
    private func watch() {
        let end = "\(prefix)\(binaries)/pg_ctl -D \(folder)/data stop -m immediate; rm -rf \(folder)"
        // A zombie is gone too: its parent may be waiting for descriptors that our children hold.
        let isThere = "grep -qs \"^State:.[^Z]\" /proc/\(getpid())/status"
        let script = "while \(isThere); do sleep 0.5; done; cd /; \(end)"
        keepDescriptors()
        system("setsid sh -c '\(script)' >/dev/null 2>&1 </dev/null &")
    }

    /// Puts a line in front of pg_hba.conf; a running server takes it up by pg_reload_conf().
    func admit(_ line: String) {
        run("sed -i '1i \(line)' \(folder)/data/pg_hba.conf")
    }

    func start() { control("start -l \(folder)/log") }
    func stop() { control("stop -m fast") }

    private func control(_ command: String) {
        run("cd \(folder) && \(prefix)\(binaries)/pg_ctl -D \(folder)/data -w \(command)")
    }

    /// With output into a file: a server started through a pipe would keep it open.
    private func run(_ command: String) {
        keepDescriptors()
        let status = system("{ \(command) ; } >>\(folder)/commands 2>&1 </dev/null")
        #expect(status == 0, "\(command)\n\(shellOutput("tail -n 20 \(folder)/commands"))")
    }

    private static func freePort() -> UInt16 {
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(probe) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(probe, $0, length)
                _ = getsockname(probe, $0, &length)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The server over TCP, as its superuser.
    var configuration: PostgresConfiguration {
        configuration(database: "postgres")
    }

    func configuration(
        database: String, user: String = "tester", keywords: [(name: String, value: String)] = []
    ) -> PostgresConfiguration {
        PostgresConfiguration(
            keywords: [("user", user), ("dbname", database), ("sslmode", "disable")] + keywords,
            hosts: [("127.0.0.1", port)])
    }

    /// Runs SQL aside, as another user of the database would.
    @discardableResult func query(_ sql: String, database: String = "postgres") -> String {
        let psql = "\(binaries)/psql -X -q -t -A -h 127.0.0.1 -p \(port) -U tester -d \(database)"
        return shellOutput("\(psql) -c \"\(escaped(sql))\" 2>&1")
    }

    private func escaped(_ sql: String) -> String {
        var text = ""
        for character in sql {
            if "\"\\$`".contains(character) { text.append("\\") }
            text.append(character)
        }
        return text
    }
}

/// Keeps this process's descriptors from the children it makes: who started the tests waits until all of them that it gave
/// us are closed, and a server lives on until it sees that we are gone.
func keepDescriptors() {
    for descriptor in Int32(3)..<1024 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
}

/// What a shell command writes, without the last line end.
@discardableResult func shellOutput(_ command: String) -> String {
    keepDescriptors()
    guard let stream = popen(command, "r") else { return "" }
    defer { pclose(stream) }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&buffer, 1, buffer.count, stream)
        if count == 0 { break }
        output += buffer[..<count]
    }
    while output.last == UInt8(ascii: "\n") { output.removeLast() }
    return String(decoding: output, as: UTF8.self)
}
