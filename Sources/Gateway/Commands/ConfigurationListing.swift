/// What `score-gateway config` prints: every variable that has an effect, where its value came from, and no secret.
/// The lines are those of a `.env` file.
struct ConfigurationListing {
    private(set) var text = ""
    /// What somebody has set, and has an effect: name and value, in the order of the text.
    private(set) var stated: [(name: String, value: String)] = []
    private(set) var problems: [ConfigurationError.Problem]

    init(_ source: ConfigurationSource) throws(ConfigurationError) {
        let role = try Configuration.role(source)
        var reader = ConfigurationReader(source, role: role, purpose: .show)
        let configuration = Configuration(&reader)
        reader.checkNeeds(of: configuration)
        reader.checkTLS(of: configuration)
        problems = reader.problems

        for group in Variable.Group.allCases {
            text += "# \(group.rawValue)\n"
            for variable in Variable.allCases where variable.specification.group == group {
                add(variable, source, configuration)
            }
        }
    }

    private mutating func add(_ variable: Variable, _ source: ConfigurationSource, _ configuration: Configuration) {
        guard let (value, origin) = try? source.value(of: variable) else {
            text += "# \(variable.name): wrong, see the error\n"
            return
        }
        let isStated = value != nil && origin != .standard
        guard ConfigurationReader.reads(variable, role: configuration.role, purpose: .show) else {
            if isStated { text += "# \(variable.name) is set, and ignored by ROLE=\(configuration.role.rawValue)\n" }
            return
        }
        if let whole = variable.whole,
            (try? source.value(of: whole))?.text != nil || (!isStated && !hasParts(whole, source))
        {
            if isStated { text += "# \(variable.name) is set, and only completes \(whole.name)\n" }
            return
        }
        guard let value else {
            text += "# \(variable.name) is not set\n"
            return
        }
        let masked = masked(variable, value, configuration)
        if isStated { stated.append((variable.name, masked)) }
        let line = "\(variable.name)=\(DotEnv.quoted(masked))"
        text += line + String(repeating: " ", count: max(2, 40 - line.count)) + "# \(origin.text)\n"
    }

    /// Whether the host is given, without which the other parts mean nothing.
    private func hasParts(_ whole: Variable, _ source: ConfigurationSource) -> Bool {
        (try? source.value(of: whole == .databaseURL ? .databaseHost : .brokerHost))?.text != nil
    }

    private func masked(_ variable: Variable, _ value: String, _ configuration: Configuration) -> String {
        let parsed: String? =
            switch variable {
            case .databaseURL: configuration.database?.display
            case .brokerURL: configuration.broker?.description
            case .scoresAPI: configuration.scoresAPI?.description
            case .reporterURL: configuration.reporterURL?.description
            case .slackAPIURL: (try? HTTPURL(value))?.description
            default: nil
            }
        return parsed ?? variable.masked(value)
    }
}

extension Variable {
    /// The URL of which this variable is a part.
    fileprivate var whole: Variable? {
        switch self {
        case .databaseHost, .databasePort, .databaseName, .databaseUsername, .databasePassword: .databaseURL
        case .brokerHost, .brokerPort, .brokerUsername, .brokerPassword: .brokerURL
        default: nil
        }
    }
}
