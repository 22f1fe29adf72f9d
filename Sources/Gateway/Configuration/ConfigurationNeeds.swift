/// What a configuration must have (contract: one program, four roles), beyond each value being right by itself.
extension ConfigurationReader {
    mutating func checkNeeds(of configuration: Configuration) {
        for variable in Self.needs(role: role, purpose: purpose) where !isStated(variable) {
            let who = purpose == .migrate ? "migrate" : "ROLE=\(role.rawValue)"
            add(
                ConfigurationError.Problem(
                    variable.name,
                    "not set, but \(who) needs it; "
                        + "expected \(variable.specification.kind.expectation)"))
        }
        // In ROLE=all the poster is optional, but half of it is a mistake.
        if role == .all, purpose == .serve || purpose == .show, isStated(.slackAPIToken), !isStated(.slackChannel) {
            add(
                ConfigurationError.Problem(
                    Variable.slackChannel.name, "not set, but SLACK_API_TOKEN is; expected the channel to post to"))
        }
        if configuration.drainDelay >= configuration.shutdownTimeout, problems.isEmpty {
            add(
                ConfigurationError.Problem(
                    Variable.drainDelay.name, value: Quantity.text(configuration.drainDelay),
                    "expected less than SHUTDOWN_TIMEOUT (\(Quantity.text(configuration.shutdownTimeout)))"))
        }
    }

    static func needs(role: Role, purpose: Configuration.Purpose) -> [Variable] {
        if purpose == .migrate { return role == .all ? [] : [.databaseURL] }
        let needs: [Variable] =
            switch role {
            // An SQLite file and a bus in the process stand in for what it is not told.
            case .all: []
            case .scores: [.databaseURL, .brokerURL]
            case .reporter: [.brokerURL, .scoresAPI]
            case .poster: [.brokerURL, .slackAPIToken, .slackChannel]
            }
        return purpose == .wait ? needs.filter { $0 == .databaseURL || $0 == .brokerURL } : needs
    }

    /// Whether somebody gave the value, be it wrong: then that problem is known already.
    private func isStated(_ variable: Variable) -> Bool {
        do throws(ConfigurationError.Problem) {
            if variable == .databaseURL, try source.value(of: .databaseHost).text != nil { return true }
            if variable == .brokerURL, try source.value(of: .brokerHost).text != nil { return true }
            return try source.value(of: variable).text != nil
        } catch {
            return true
        }
    }
}

/// What is in the files that TLS needs is looked at before anything starts: without it nothing is served.
extension ConfigurationReader {
    mutating func checkTLS(of configuration: Configuration) {
        guard purpose == .serve || purpose == .show else { return }
        do throws(ConfigurationError.Problem) {
            _ = try configuration.serverTLS()
            _ = try configuration.brokerTLS()
        } catch {
            add(error)
        }
    }
}
