import Bytes
import Reactor

/// `score-gateway healthcheck`: for orchestrators that run a command instead of a request (`HEALTHCHECK` of Docker).
enum Healthcheck {
    /// - Returns: 0 when `/healthz` says 200 within two seconds, else 1.
    static func run(host: String, port: UInt16, tls: Bool) -> Int32 {
        guard port > 0 else {
            StandardError.write("score-gateway: PORT=0 is any free port: healthcheck cannot know which\n")
            return 1
        }
        do throws(Probe.Failure) {
            let target = reachable(host)
            let probe = try Probe(host: target, port: port, deadline: Reactor.monotonic() + .seconds(2))
            let authority = HostPort(host: target, port: port).text
            let request = "GET /healthz HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\r\n"
            let answer = try probe.exchange(Array(request.utf8), forAtLeast: 13, host: target, tls: tls)
            guard isHealthy(answer) else {
                StandardError.write("score-gateway: \(authority) does not answer 200\n")
                return 1
            }
            return 0
        } catch {
            StandardError.write("score-gateway: \(HostPort(host: host, port: port).text): \(error.reason)\n")
            return 1
        }
    }

    /// The address to connect to: a server that listens on all addresses listens on the loopback.
    static func reachable(_ host: String) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: host
        }
    }

    /// Whether the status line says 200 (RFC 9112 section 4).
    static func isHealthy(_ answer: [UInt8]) -> Bool {
        answer.starts(with: "HTTP/1.1 200 ".utf8)
    }
}
