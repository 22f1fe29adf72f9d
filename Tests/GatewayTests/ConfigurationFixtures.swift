@testable import Gateway

/// A configuration from an environment that says where database and broker are.
enum Fixture {
    static let urls = ["DATABASE_URL": "postgresql://db/scores", "BROKER_URL": "amqp://mq"]

    static func configuration(
        _ environment: [String: String] = [:], dotEnv: [String: String] = [:], files: [String: String] = [:],
        for purpose: Configuration.Purpose = .serve
    ) throws(ConfigurationError) -> Configuration {
        try Configuration(
            source(environment.merging(urls) { given, _ in given }, dotEnv: dotEnv, files: files), for: purpose)
    }

    static func source(
        _ environment: [String: String], dotEnv: [String: String] = [:], files: [String: String] = [:]
    ) -> ConfigurationSource {
        ConfigurationSource(environment: environment, dotEnv: dotEnv, usableCores: 3) { path in
            files[path].map { .success($0) } ?? .failure(.system(2))
        }
    }

    /// What `environment` alone is refused with.
    static func problems(
        _ environment: [String: String], dotEnv: [String: String] = [:], files: [String: String] = [:],
        for purpose: Configuration.Purpose = .serve
    ) -> [ConfigurationError.Problem] {
        do throws(ConfigurationError) {
            _ = try Configuration(source(environment, dotEnv: dotEnv, files: files), for: purpose)
            return []
        } catch {
            return error.problems
        }
    }
}
