import Glibc
import Logging
import Reactor
import TLS

/// What the process serves TLS with, read anew when somebody says SIGHUP: who renews a certificate does so after each
/// renewal. Connections that stand keep what they began with; a pair that cannot be used changes nothing.
enum Certificate {
    /// On a thread of its own: it reads files, and checks that a key fits.
    static func readAgain(_ configuration: Configuration, _ workers: Workers, _ log: Logger) {
        guard configuration.tlsCertFile != nil else {
            log.notice("SIGHUP: nothing to read again, for TLS_CERT_FILE is not set")
            return
        }
        do throws(SystemError) {
            try Thread(name: "certificate") {
                do throws(ConfigurationError.Problem) {
                    guard let tls = try configuration.serverTLS() else { return }
                    workers.post(.certificate(tls))
                    log.notice("SIGHUP: new connections get the certificate as it is now", metadata: lifetime(of: tls))
                } catch {
                    log.error("SIGHUP: the certificate stays as it was", metadata: ["error": "\(error)"])
                }
            }.detach()
        } catch {
            log.error("SIGHUP: the certificate stays as it was", metadata: ["error": "\(error)"])
        }
    }

    static func lifetime(of tls: TLSContext) -> Logger.Metadata {
        guard let end = tls.notAfter else { return [:] }
        var time = time_t(end)
        var parts = tm()
        gmtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return ["valid_until": "\(String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self))"]
    }
}
