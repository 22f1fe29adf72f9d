import TLS

/// What is in the files that the configuration names, for TLS. Each call reads them again.
extension Configuration {
    /// Certificate and key to serve with; nil: plain.
    func serverTLS() throws(ConfigurationError.Problem) -> TLSContext? {
        let (certificate, key) = (Variable.tlsCertFile.name, Variable.tlsKeyFile.name)
        switch (tlsCertFile, tlsKeyFile) {
        case (nil, nil): return nil
        case (let file?, nil):
            throw ConfigurationError.Problem(
                key, "not set, but \(certificate) is; expected the private key of \(file)")
        case (nil, let file?):
            throw ConfigurationError.Problem(
                certificate, "not set, but \(key) is; expected the certificate of \(file)")
        case (let certificateFile?, let keyFile?):
            do throws(TLSError) {
                return try TLSContext(certificateFile: certificateFile, keyFile: keyFile)
            } catch {
                let isKeys = error.description.hasPrefix(keyFile)
                throw ConfigurationError.Problem(isKeys ? key : certificate, error.description)
            }
        }
    }

    /// Whom to trust for amqps; nil: no broker is asked for by it.
    func brokerTLS() throws(ConfigurationError.Problem) -> TLSContext? {
        guard broker?.usesTLS == true else { return nil }
        do throws(TLSError) {
            return try TLSContext(trust: brokerCAFile.map { .file($0) } ?? .system)
        } catch {
            throw ConfigurationError.Problem(Variable.brokerCAFile.name, error.description)
        }
    }
}
