extension Variable {
    /// The row of this variable in the table of all variables.
    public var specification: Specification {
        switch self {
        // Server
        case .role:
            Specification(
                .server, .choice(Role.allCases.map(\.rawValue)), default: "all",
                "what this process hosts; all is the three others in one")
        case .host:
            Specification(.server, .address, default: "0.0.0.0", "address to listen on")
        case .port:
            Specification(
                .server, .integer(0...65_535), default: "8000", "TCP port; 0: any free one, which the log names")
        case .reactors:
            Specification(
                .server, .integer(1...256), default: Variable.usableCores,
                "threads, each with its own event loop; usable cores: affinity mask and cgroup quota")
        case .maxBody:
            Specification(
                .server, .bytes(1024...1 << 30), default: "1MiB", "largest request body; a larger one is answered 413")
        case .maxConnections:
            Specification(
                .server, .integer(1...1_000_000), default: "20000", "open client connections of the whole process")
        case .maxConnectionsPerAddress:
            Specification(
                .server, .integer(1...1_000_000),
                "of one address (IPv6: one /64), trusted proxies aside; default: no limit of its own")
        case .requestTimeout:
            Specification(
                .server, .duration(.milliseconds(100) ... .seconds(3600)), default: "15s",
                "a request head not complete after this long is answered 408")
        case .idleTimeout:
            // Longer than the 60 s for which common proxies keep an idle connection: they close first, and so never
            // send a request into one that we just closed.
            Specification(
                .server, .duration(.milliseconds(100) ... .seconds(86_400)), default: "75s",
                "an idle keep-alive connection is closed after this long")
        case .drainDelay:
            // No preStop hook can be counted on: the endpoints of a Service lag behind readiness by some seconds.
            Specification(
                .server, .duration(.zero ... .seconds(3600)), default: Variable.fifthOfShutdown,
                "after SIGTERM: still accept connections this long while readiness says 503")
        case .shutdownTimeout:
            Specification(
                .server, .duration(.milliseconds(100) ... .seconds(3600)), default: "25s",
                "after SIGTERM: end within this time, drain delay included")
        case .tlsCertFile:
            Specification(
                .server, .path,
                "to serve https and wss: the certificate in PEM, and those between it and the root behind it. SIGHUP reads both files again"
            )
        case .tlsKeyFile: Specification(.server, .path, "its private key in PEM, without a passphrase")

        // PostgreSQL
        case .databaseURL:
            Specification(
                .database, .databaseURL, roles: [.all, .scores], secrecy: .password, mayBeInFile: true,
                "any libpq URI; postgres:// and postgresql+driver:// too; or sqlite:<path>. + in the password is a blank (write %2B for a"
                    + " plus), unless DATABASE_PASSWORD says otherwise")
        case .databaseHost:
            Specification(
                .database, .hosts, roles: [.all, .scores], "the parts are used when DATABASE_URL is not set")
        case .databasePort:
            Specification(.database, .integer(1...65_535), default: "5432", roles: [.all, .scores], "")
        case .databaseName:
            Specification(.database, .text, roles: [.all, .scores], "default: the user name")
        case .databaseUsername:
            Specification(.database, .verbatim, roles: [.all, .scores], "")
        case .databasePassword:
            Specification(
                .database, .verbatim, roles: [.all, .scores], secrecy: .secret, mayBeInFile: true,
                "also completes a DATABASE_URL without a password")
        case .scoresFile:
            Specification(
                .database, .path, default: "scores.sqlite", roles: [.all],
                "SQLite file that is the store when no database is named")
        case .autoMigrate:
            Specification(
                .database, .flag, default: "1", roles: [.all, .scores], "apply migrations when serving starts")

        // RabbitMQ
        case .brokerURL:
            Specification(
                .broker, .brokerURL, secrecy: .password, mayBeInFile: true,
                "AMQP 0-9-1; no path is the vhost /; several hosts or URLs, comma-separated, are tried in turn. + in the"
                    + " password is a blank, unless BROKER_PASSWORD says otherwise")
        case .brokerHost:
            Specification(.broker, .hosts, "the parts are used when BROKER_URL is not set")
        case .brokerPort:
            Specification(.broker, .integer(1...65_535), default: "5672", "")
        case .brokerUsername:
            Specification(.broker, .verbatim, default: "guest", "")
        case .brokerPassword:
            Specification(
                .broker, .verbatim, default: "guest", secrecy: .secret, mayBeInFile: true,
                "also completes a BROKER_URL without a password")
        case .brokerExchange:
            Specification(.broker, .amqpName, default: "scores", "fanout exchange")
        case .brokerExchangeDurable:
            Specification(
                .broker, .flag, default: "1",
                "0: declare the exchange non-durable, to run mixed with the Python services")
        case .brokerMaxBatch:
            Specification(
                .broker, .integer(1...4096), default: "256", roles: [.all, .scores],
                "most scores in one message; 1 while Python services still listen")
        case .brokerQueueType:
            Specification(
                .broker, .choice(["classic", "quorum"]), default: "classic", roles: [.all, .scores, .poster],
                "type of the poster's queue; quorum for clusters")
        case .brokerCAFile:
            Specification(.broker, .path, "CA certificates for amqps:// instead of the system's")
        case .posterQueue:
            Specification(
                .broker, .amqpName, default: "poster", roles: [.all, .scores, .poster],
                "durable queue that all posters share; named to scores too, nothing is published before it is there")

        // Live feed
        case .scoresAPI:
            Specification(
                .feed, .httpURL, roles: [.reporter], secrecy: .password, mayBeInFile: true,
                "address of the scores role")
        case .reporterURL:
            Specification(
                .feed, .httpURL, roles: [.all, .reporter], secrecy: .password, mayBeInFile: true,
                "public address of the live page; default: where the browser loaded it from")
        case .feedHistory:
            Specification(
                .feed, .integer(0...1_000_000), default: "1000", roles: [.all, .reporter],
                "scores a new client gets before the live ones")
        case .feedLogBytes:
            Specification(
                .feed, .bytes(65_536...1 << 32), default: "8MiB", roles: [.all, .reporter],
                "memory of the feed per reactor; a client that falls further behind is closed")
        case .wsEcho:
            Specification(
                .feed, .flag, default: "0", roles: [.all, .reporter], "1: serve /ws-echo for conformance suites")

        // Access
        case .apiTokens:
            Specification(
                .access, .tokens, roles: [.all, .scores], secrecy: .secret, mayBeInFile: true,
                "POST needs one of them, as Authorization: Bearer; unset: it needs none")
        case .rateLimit:
            Specification(
                .access, .rate,
                "requests, and new connections, of one token or address; as many at once. More are answered 429")
        case .trustedProxies:
            Specification(
                .access, .networks, "whose X-Forwarded-For is believed; RATE_LIMIT counts the clients behind them")
        case .allowedOrigins:
            Specification(
                .access, .origins, roles: [.all, .scores, .reporter],
                "pages that may open the feed (default: the own page, and clients that are no browser) and use /scores"
                    + " (default: the own page); a list names the own page too, or it may not open the feed")

        // Slack
        case .slackAPIToken:
            Specification(
                .slack, .token, roles: [.all, .poster], secrecy: .secret, mayBeInFile: true,
                "token of the Slack app; without one ROLE=all does not post")
        case .slackChannel:
            Specification(.slack, .text, roles: [.all, .poster], "channel, such as #scores")
        case .slackAPIURL:
            Specification(
                .slack, .httpURL, default: "https://slack.com/api", roles: [.all, .poster], secrecy: .password,
                mayBeInFile: true, "")

        // Log
        case .logLevel:
            Specification(
                .log, .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), default: "info", ""
            )
        case .logFormat:
            Specification(.log, .choice(["text", "json"]), default: "text", "to stderr; json: one object a line")

        // What `wait`, and so the entrypoint of the image, leaves out
        case .skipDatabaseCheck:
            Specification(.wait, .flag, default: "0", roles: [.all, .scores], "1: do not wait for the database")
        case .skipBrokerCheck:
            Specification(.wait, .flag, default: "0", "1: do not wait for the broker")
        }
    }

    /// The default of REACTORS, which is measured and not written down.
    static let usableCores = "usable cores"
    /// The default of DRAIN_DELAY: five of the usual 25 seconds, and never more than there is time for.
    static let fifthOfShutdown = "a fifth of SHUTDOWN_TIMEOUT"
}
