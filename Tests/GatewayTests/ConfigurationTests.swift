import Logging
import Testing

@testable import Gateway

@Suite struct ConfigurationTests {
    @Test func everyDefault() throws {
        let configuration = try Fixture.configuration()
        #expect(configuration.role == .all)
        #expect(configuration.host == "0.0.0.0")
        #expect(configuration.port == 8000)
        #expect(configuration.reactors == 3)
        #expect(configuration.maxBody == 1_048_576)
        #expect(configuration.maxConnections == 20_000)
        #expect(configuration.requestTimeout == .seconds(15))
        #expect(configuration.idleTimeout == .seconds(75))
        #expect(configuration.drainDelay == .seconds(5))
        #expect(configuration.shutdownTimeout == .seconds(25))
        #expect(configuration.scoresFile == "scores.sqlite")
        #expect(configuration.autoMigrate)
        #expect(configuration.brokerExchange == "scores")
        #expect(configuration.brokerExchangeDurable)
        #expect(configuration.brokerMaxBatch == 256)
        #expect(configuration.brokerQueueType == .classic)
        #expect(configuration.brokerCAFile == nil)
        #expect(configuration.posterQueue == "poster")
        #expect(configuration.scoresAPI == nil)
        #expect(configuration.reporterURL == nil)
        #expect(configuration.feedHistory == 1000)
        #expect(configuration.feedLogBytes == 8 << 20)
        #expect(configuration.allowedOrigins == .own)
        #expect(!configuration.wsEcho)
        #expect(configuration.slack == nil)
        #expect(configuration.logLevel == .info)
        #expect(configuration.logFormat == .text)
    }

    @Test func everyVariableIsRead() throws {
        var reader = ConfigurationReader(Fixture.source([:]), role: .all, purpose: .show)
        _ = Configuration(&reader)
        // The parts are read where the URLs are not set, the others never depend on each other.
        #expect(reader.read == Set(Variable.allCases))
        #expect(reader.problems.isEmpty)
    }

    @Test func everyGoodValue() throws {
        let configuration = try Fixture.configuration([
            "ROLE": "All", "HOST": "::1", "PORT": "0", "REACTORS": "2", "MAX_BODY": "64KiB", "MAX_CONNECTIONS": "10",
            "REQUEST_TIMEOUT": "500ms", "IDLE_TIMEOUT": "2m", "DRAIN_DELAY": "0", "SHUTDOWN_TIMEOUT": "1.5",
            "AUTO_MIGRATE": "no", "BROKER_EXCHANGE": "e", "BROKER_EXCHANGE_DURABLE": "0", "BROKER_MAX_BATCH": "1",
            "POSTER_QUEUE": "q", "BROKER_QUEUE_TYPE": "quorum", "BROKER_CA_FILE": "/ca.pem",
            "REPORTER_URL": "https://scores.example.com/", "FEED_HISTORY": "0", "FEED_LOG_BYTES": "1M",
            "ALLOWED_ORIGINS": "https://a.example, http://B.example:80,http://c:8080", "WS_ECHO": "1",
            "SLACK_API_TOKEN": "xoxb-1", "SLACK_CHANNEL": "#scores", "SLACK_API_URL": "http://127.0.0.1:9/api",
            "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json",
        ])
        #expect(configuration.host == "::1")
        #expect(configuration.port == 0)
        #expect(configuration.reactors == 2)
        #expect(configuration.maxBody == 65_536)
        #expect(configuration.maxConnections == 10)
        #expect(configuration.requestTimeout == .milliseconds(500))
        #expect(configuration.idleTimeout == .seconds(120))
        #expect(configuration.drainDelay == .zero)
        #expect(configuration.shutdownTimeout == .milliseconds(1500))
        #expect(!configuration.autoMigrate)
        #expect(configuration.brokerExchange == "e")
        #expect(!configuration.brokerExchangeDurable)
        #expect(configuration.brokerMaxBatch == 1)
        #expect(configuration.posterQueue == "q")
        #expect(configuration.brokerQueueType == .quorum)
        #expect(configuration.brokerCAFile == "/ca.pem")
        #expect(configuration.reporterURL?.text == "https://scores.example.com")
        #expect(configuration.feedHistory == 0)
        #expect(configuration.feedLogBytes == 1 << 20)
        #expect(configuration.allowedOrigins == .list(["https://a.example", "http://b.example", "http://c:8080"]))
        #expect(configuration.wsEcho)
        #expect(configuration.slack?.token == "xoxb-1")
        #expect(configuration.slack?.channel == "#scores")
        #expect(configuration.slack?.api.appending("/chat.postMessage") == "http://127.0.0.1:9/api/chat.postMessage")
        #expect(configuration.logLevel == .debug)
        #expect(configuration.logFormat == .json)
    }

    @Test(arguments: [
        ("HOST", "localhost"), ("HOST", "1.2.3"), ("HOST", "[::1]"), ("PORT", "65536"), ("PORT", "-1"), ("PORT", "80a"),
        ("PORT", "+80"), ("PORT", " 80"), ("PORT", "99999999999999999999"), ("REACTORS", "0"), ("REACTORS", "257"),
        ("REACTORS", "1.5"), ("MAX_BODY", "1023"), ("MAX_BODY", "2GiB"), ("MAX_BODY", "1MB"), ("MAX_BODY", "-1"),
        ("MAX_CONNECTIONS", "0"), ("REQUEST_TIMEOUT", "0"), ("REQUEST_TIMEOUT", "15h"), ("REQUEST_TIMEOUT", "1.2345"),
        ("IDLE_TIMEOUT", "forever"), ("IDLE_TIMEOUT", "1."), ("IDLE_TIMEOUT", ".5"), ("DRAIN_DELAY", "-5"),
        ("DRAIN_DELAY", "25"), ("SHUTDOWN_TIMEOUT", "99"), ("SHUTDOWN_TIMEOUT", "3601"), ("AUTO_MIGRATE", "2"),
        ("DATABASE_URL", "mysql://db"), ("BROKER_URL", "http://mq"), ("BROKER_EXCHANGE", "a\nb"),
        ("BROKER_EXCHANGE", String(repeating: "x", count: 256)), ("BROKER_EXCHANGE_DURABLE", "maybe"),
        ("BROKER_MAX_BATCH", "0"), ("BROKER_MAX_BATCH", "4097"), ("POSTER_QUEUE", "\u{7f}"),
        ("BROKER_QUEUE_TYPE", "stream"), ("REPORTER_URL", "scores.example.com"), ("FEED_HISTORY", "-1"),
        ("FEED_HISTORY", "1000001"), ("FEED_LOG_BYTES", "65535"), ("ALLOWED_ORIGINS", "https://a.example/path"),
        ("ALLOWED_ORIGINS", "a.example"), ("ALLOWED_ORIGINS", "https://a.example,"), ("ALLOWED_ORIGINS", "*,http://a"),
        ("WS_ECHO", "ws"), ("SLACK_API_TOKEN", "a b"), ("SLACK_API_TOKEN", "a\n"), ("SLACK_CHANNEL", "#a\u{1b}"),
        ("SLACK_API_URL", "slack.com"), ("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml"),
    ])
    func aBadValueIsRefusedByName(name: String, value: String) {
        var environment = Fixture.urls.merging([name: value]) { _, bad in bad }
        if name == "SHUTDOWN_TIMEOUT", value == "99" { environment["DRAIN_DELAY"] = "99" }
        if name == "SLACK_API_TOKEN" { environment["SLACK_CHANNEL"] = "#c" }
        let problems = Fixture.problems(environment)
        #expect(problems.count == 1)
        let named = problems.first?.subject
        #expect(named == name || (name == "SHUTDOWN_TIMEOUT" && named == "DRAIN_DELAY"))
        #expect(problems.first?.message.contains("expected") == true)
        #expect(problems.first?.value != nil)
    }

    @Test func theErrorShowsTheValueOnOneLine() {
        let problem = Fixture.problems(Fixture.urls.merging(["LOG_LEVEL": "a\n\u{1b}[31m\"b"]) { $1 })[0]
        #expect(
            problem.description == #"LOG_LEVEL="a\n\u001b[31m\"b": "#
                + "expected trace, debug, info, notice, warning, error or critical")
    }

    @Test func aURLWithoutAPlaceForAPasswordIsShown() {
        let problem = Fixture.problems(Fixture.urls.merging(["REPORTER_URL": "scores.example.com"]) { $1 })[0]
        #expect(
            problem.description == #"REPORTER_URL="scores.example.com": it does not begin with a scheme and ://; "#
                + "expected http://host or https://host, with port and path if needed")
    }

    @Test func everythingWrongIsSaidAtOnce() {
        let problems = Fixture.problems(["PORT": "x", "LOG_LEVEL": "x", "ROLE": "scores"])
        #expect(problems.map(\.subject) == ["PORT", "LOG_LEVEL", "DATABASE_URL", "BROKER_URL"])
    }

    @Test func exitCodes() {
        #expect(
            throws: ConfigurationError(
                [.init("ROLE", value: "x", "expected all, scores, reporter or poster")], exitCode: 64)
        ) {
            try Fixture.configuration(["ROLE": "x"])
        }
        do throws(ConfigurationError) {
            _ = try Fixture.configuration(["PORT": "x"])
            Issue.record("accepted")
        } catch {
            #expect(error.exitCode == 78)
        }
    }

    @Test(arguments: [
        ("all", []), ("scores", ["DATABASE_URL", "BROKER_URL"]),
        ("reporter", ["BROKER_URL", "SCORES_API"]), ("poster", ["BROKER_URL", "SLACK_API_TOKEN", "SLACK_CHANNEL"]),
    ])
    func whatARoleNeeds(role: String, needs: [String]) {
        #expect(Fixture.problems(["ROLE": role]).map(\.subject) == needs)
    }

    @Test func whatACommandNeeds() {
        #expect(Fixture.problems(["ROLE": "reporter"], for: .migrate).map(\.subject) == ["DATABASE_URL"])
        #expect(Fixture.problems(["ROLE": "reporter"], for: .wait).map(\.subject) == ["BROKER_URL"])
        #expect(Fixture.problems(["ROLE": "poster"], for: .wait).map(\.subject) == ["BROKER_URL"])
        #expect(Fixture.problems(["ROLE": "scores"], for: .wait).map(\.subject) == ["DATABASE_URL", "BROKER_URL"])
    }

    @Test func migrateFindsTheDatabaseInEveryRole() throws {
        let source = Fixture.source(["ROLE": "poster", "DATABASE_URL": "postgres://db/x"])
        #expect(try Configuration(source, for: .migrate).database?.display == "postgresql://db:5432/x")
    }

    @Test func aRoleDoesNotLookAtWhatItIgnores() throws {
        // Deployment tools give every project the variables of all, and sometimes wrong ones: DATABASE_URL=amqp://….
        let poster = try Configuration(
            Fixture.source([
                "ROLE": "poster", "BROKER_URL": "amqp://mq", "SLACK_API_TOKEN": "t", "SLACK_CHANNEL": "c",
                "DATABASE_URL": "amqp://nonsense", "DATABASE_PASSWORD_FILE": "/missing", "SCORES_API": "nonsense",
                "FEED_HISTORY": "x",
            ]))
        #expect(poster.database == nil)
        #expect(poster.scoresAPI == nil)
        #expect(poster.feedHistory == 1000)
        let scores = try Fixture.configuration([
            "ROLE": "scores", "SLACK_API_TOKEN": "a b", "SLACK_API_URL": "x", "SCORES_API": "x",
        ])
        #expect(scores.slack == nil)
        let reporter = try Configuration(
            Fixture.source([
                "ROLE": "reporter", "BROKER_URL": "amqp://mq", "SCORES_API": "http://scores-service/",
                "DATABASE_URL": "x", "DATABASE_URL_FILE": "/missing",
            ]))
        #expect(reporter.scoresAPI?.appending("/scores") == "http://scores-service/scores")
    }

    @Test func halfOfSlackIsAMistake() {
        let problems = Fixture.problems(Fixture.urls.merging(["SLACK_API_TOKEN": "t"]) { $1 })
        #expect(problems.map(\.subject) == ["SLACK_CHANNEL"])
        // A channel alone is what a deployment without the secret looks like: the poster is off.
        #expect(Fixture.problems(Fixture.urls.merging(["SLACK_CHANNEL": "c"]) { $1 }).isEmpty)
    }

    @Test(arguments: [("TLS_CERT_FILE", "TLS_KEY_FILE"), ("TLS_KEY_FILE", "TLS_CERT_FILE")])
    func halfOfTLSIsAMistake(name: String, other: String) {
        for environment in [Fixture.urls.merging([name: "/x.pem"]) { $1 }, Fixture.urls] {
            let problems = Fixture.problems(environment, dotEnv: [name: "/x.pem"])
            #expect(problems.map(\.subject) == [other])
            #expect(problems.first?.message.contains("not set, but \(name) is") == true)
        }
        #expect(Fixture.problems(Fixture.urls.merging([name: ""]) { $1 }).isEmpty)
    }

    @Test func filesOfTLSThatAreNotThere() {
        let files = Fixture.urls.merging(["TLS_CERT_FILE": "/no/cert.pem", "TLS_KEY_FILE": "/no/key.pem"]) { $1 }
        #expect(
            Fixture.problems(files).map(\.description) == ["TLS_CERT_FILE: /no/cert.pem: No such file or directory"])
        let broker = Fixture.problems([
            "DATABASE_URL": "postgres://db", "BROKER_URL": "amqps://mq", "BROKER_CA_FILE": "/no/ca.pem",
        ])
        #expect(broker.map(\.description) == ["BROKER_CA_FILE: /no/ca.pem: No such file or directory"])
    }

    @Test func whatIsNotNamedIsInTheProcess() throws {
        func files(_ environment: [String: String], for purpose: Configuration.Purpose = .serve) throws -> String? {
            try Configuration(Fixture.source(environment), for: purpose).sqliteFile
        }
        #expect(try files([:]) == "scores.sqlite")
        #expect(try files(["SCORES_FILE": "/data/s.db"]) == "/data/s.db")
        #expect(try files(["DATABASE_URL": "sqlite:x.db"]) == "x.db")
        #expect(
            try files(["DATABASE_URL": "sqlite:/a b/x.db", "ROLE": "scores", "BROKER_URL": "amqp://mq"]) == "/a b/x.db")
        #expect(try files(["DATABASE_URL": "postgres://db"]) == nil)
        #expect(try files(["DATABASE_HOST": "db"]) == nil)
        #expect(try files([:], for: .migrate) == "scores.sqlite")
        #expect(try files(["ROLE": "reporter", "BROKER_URL": "amqp://mq", "SCORES_API": "http://s"]) == nil)
        let embedded = try Configuration(Fixture.source([:]))
        #expect(embedded.amqp() == nil && embedded.postgres == nil && !embedded.hasLocalQueue)
        let posting = try Configuration(Fixture.source(["SLACK_API_TOKEN": "t", "SLACK_CHANNEL": "c"]))
        #expect(posting.hasLocalQueue)
    }

    @Test(arguments: ["sqlite:", "sqlite://x", "sqlite:///x.db", "sqlite::memory:"])
    func aURLThatNamesNoFile(url: String) {
        let problems = Fixture.problems(["DATABASE_URL": url])
        #expect(problems.map(\.subject) == ["DATABASE_URL"])
        #expect(problems.first?.message.contains("after sqlite: stands the path of a file") == true)
    }

    // Where values come from

    @Test func theEnvironmentWinsOverDotEnv() throws {
        let configuration = try Fixture.configuration(
            ["PORT": "1"], dotEnv: ["PORT": "2", "REACTORS": "9", "LOG_LEVEL": "error"])
        #expect(configuration.port == 1)
        #expect(configuration.reactors == 9)
        // Empty takes back.
        #expect(try Fixture.configuration(["PORT": ""], dotEnv: ["PORT": "2"]).port == 8000)
    }

    @Test func aSecretFromAFile() throws {
        let files = ["/run/token": "xoxb-2\n", "/run/url": "postgres://u:p@h/d\r\n"]
        let configuration = try Fixture.configuration(
            [
                "SLACK_API_TOKEN_FILE": "/run/token", "SLACK_CHANNEL": "c", "DATABASE_URL": "",
                "DATABASE_URL_FILE": "/run/url",
            ],
            files: files)
        #expect(configuration.slack?.token == "xoxb-2")
        #expect(configuration.database?.display == "postgresql://u:***@h:5432/d")
    }

    @Test func theEnvironmentWinsWithAFileToo() throws {
        let files = ["/a": "from-file"]
        let environment = ["SLACK_CHANNEL": "c"]
        let fileFirst = try Fixture.configuration(
            environment.merging(["SLACK_API_TOKEN_FILE": "/a"]) { $1 }, dotEnv: ["SLACK_API_TOKEN": "dotenv"],
            files: files)
        #expect(fileFirst.slack?.token == "from-file")
        let valueFirst = try Fixture.configuration(
            environment.merging(["SLACK_API_TOKEN": "env"]) { $1 }, dotEnv: ["SLACK_API_TOKEN_FILE": "/a"], files: files
        )
        #expect(valueFirst.slack?.token == "env")
    }

    @Test func whatIsWrongWithAFile() {
        func problem(_ more: [String: String], _ files: [String: String] = [:]) -> String? {
            Fixture.problems(Fixture.urls.merging(more) { $1 }, files: files).first?.description
        }
        #expect(
            problem(["SLACK_API_TOKEN": "secret", "SLACK_API_TOKEN_FILE": "/x", "SLACK_CHANNEL": "c"])
                == "SLACK_API_TOKEN_FILE: SLACK_API_TOKEN is set too: expected only one of them")
        #expect(
            problem(["SLACK_API_TOKEN_FILE": "/x", "SLACK_CHANNEL": "c"])
                == #"SLACK_API_TOKEN_FILE="/x": expected a file to read the value from: No such file or directory"#)
        #expect(
            problem(["SLACK_API_TOKEN_FILE": "/x", "SLACK_CHANNEL": "c"], ["/x": "\n"])
                == #"SLACK_API_TOKEN_FILE="/x": the file is empty: expected the value"#)
    }

    @Test func onlySecretsAndURLsComeFromFiles() throws {
        // PORT_FILE is nobody's variable: it is not read.
        #expect(try Fixture.configuration(["PORT_FILE": "/missing"]).port == 8000)
    }

    @Test func drainDelayFollowsTheShutdownTimeout() throws {
        #expect(try Fixture.configuration(["SHUTDOWN_TIMEOUT": "3"]).drainDelay == .milliseconds(600))
    }

    // The parts instead of the URLs

    @Test func theParts() throws {
        let configuration = try Configuration(
            Fixture.source(
                [
                    "DATABASE_HOST": "db", "DATABASE_PORT": "6432", "DATABASE_DB": "a-b", "DATABASE_USERNAME": "us@er",
                    "DATABASE_PASSWORD": "p@ss w+%41", "BROKER_HOST": "mq", "BROKER_PASSWORD_FILE": "/pw",
                ], files: ["/pw": "100%\n"]))
        let database = try #require(configuration.database)
        #expect(database.hosts == ["db"])
        #expect(database.ports == [6432])
        #expect(database.keyword("user") == "us@er")
        #expect(database.keyword("password") == "p@ss w+%41")
        #expect(database.keyword("dbname") == "a-b")
        #expect(
            configuration.broker?.endpoints
                == [.init(host: "mq", port: 5672, tls: false, user: "guest", password: "100%", vhost: "/")])
    }

    @Test func theURLWinsOverTheParts() throws {
        let configuration = try Fixture.configuration([
            "DATABASE_HOST": "other", "DATABASE_PORT": "nonsense", "BROKER_PORT": "tcp://1.2.3.4:1",
        ])
        #expect(configuration.database?.hosts == ["db"])
    }

    @Test func aServiceLinkOfKubernetesIsNoPort() throws {
        let configuration = try Configuration(
            Fixture.source([
                "DATABASE_HOST": "db", "DATABASE_PORT": "tcp://10.3.2.1:5432", "BROKER_HOST": "mq",
                "BROKER_PORT": "tcp://10.3.2.2:5672",
            ]))
        #expect(configuration.database?.ports == [5432])
        #expect(configuration.broker?.endpoints.map(\.port) == [5672])
    }

    @Test(arguments: [
        ("DATABASE_HOST", "a,"), ("DATABASE_HOST", "http://a"), ("DATABASE_PORT", "0"), ("DATABASE_PORT", "x"),
    ])
    func badParts(name: String, value: String) {
        let environment = ["DATABASE_HOST": "db", "BROKER_URL": "amqp://mq"].merging([name: value]) { $1 }
        #expect(Fixture.problems(environment).map(\.subject) == [name])
    }

    // Secrets

    @Test func noSecretIsEverShown() throws {
        let secret = "s3cr3tpw"
        let cases: [[String: String]] = [
            ["DATABASE_URL": "postgres://u:\(secret)@db:99999/x"], ["DATABASE_URL": "postgres://u:\(secret)/x@db/x"],
            ["DATABASE_URL": "postgres://u:%zz\(secret)@db/x"], ["DATABASE_URL": "\(secret)://u@db"],
            ["DATABASE_URL": "postgres://db/x?password=\(secret)&nonsense=1"],
            ["DATABASE_URL": "postgres//u:\(secret)@db"],
            ["DATABASE_URL": "postgres://u:\(secret)#x@db:x/y"], ["DATABASE_URL": "postgres://db/x?passwort=\(secret)"],
            ["DATABASE_URL": "u:\(secret)@db"], ["DATABASE_URL": secret],
            ["DATABASE_URL": "postgres://u:\(secret)@[db/x"],
            ["BROKER_URL": "amqp://u:\(secret)@mq?x"], ["BROKER_URL": "amqp://u:\(secret)@"],
            ["BROKER_URL": "amqp://u:\(secret)/@mq"], ["BROKER_URL": "rabbit://u:\(secret)@mq"],
            ["SLACK_API_TOKEN": "\(secret) x", "SLACK_CHANNEL": "c"],
            ["SLACK_API_URL": "https://u:\(secret)@slack.com?"],
            ["REPORTER_URL": "https://\(secret)@x#y"], ["API_TOKENS": secret],
            ["DATABASE_PASSWORD": secret, "DATABASE_PASSWORD_FILE": "/x"],
        ]
        for environment in cases {
            let problems = Fixture.problems(Fixture.urls.merging(environment) { $1 })
            #expect(!problems.isEmpty, "\(environment) was accepted")
            for problem in problems {
                #expect(!problem.description.contains(secret), "\(problem)")
            }
            let listing = try ConfigurationListing(Fixture.source(Fixture.urls.merging(environment) { $1 }))
            #expect(!listing.text.contains(secret), "\(listing.text)")
        }
    }

    @Test func noGoodSecretIsShownEither() throws {
        let secret = "s3cr3tpw"
        let source = Fixture.source(
            [
                "DATABASE_URL": "postgres://u:\(secret)@db/x?sslpassword=\(secret)&sslmode=require",
                "DATABASE_PASSWORD": secret, "BROKER_URL": "amqp://u:\(secret)@mq/v,amqp://w:\(secret)@mq2",
                "SLACK_API_TOKEN_FILE": "/token", "SLACK_CHANNEL": "#c d",
                "SLACK_API_URL": "https://u:\(secret)@slack.example/api", "REPORTER_URL": "https://\(secret)@r",
            ], files: ["/token": secret])
        let listing = try ConfigurationListing(source)
        #expect(listing.problems.isEmpty)
        #expect(!listing.text.contains(secret))
        let lines = listing.text.split(separator: "\n").map(String.init)
        #expect(
            lines.contains("DATABASE_URL=postgresql://u:***@db:5432/x?sslpassword=***&sslmode=require  # environment"))
        #expect(lines.contains("BROKER_URL=amqp://u:***@mq:5672/v,amqp://w:***@mq2:5672/  # environment"))
        #expect(lines.contains("SLACK_API_TOKEN=***                     # file /token"))
        #expect(lines.contains(##"SLACK_CHANNEL="#c d"                    # environment"##))
        #expect(lines.contains("SLACK_API_URL=https://u:***@slack.example/api  # environment"))
        #expect(lines.contains("REPORTER_URL=https://***@r              # environment"))
        #expect(lines.contains("# DATABASE_PASSWORD is set, and only completes DATABASE_URL"))
        #expect(lines.contains("REACTORS=3                              # default"))
        let configuration = try Configuration(source)
        #expect(!"\(configuration.database!) \(configuration.broker!)".contains(secret))
    }

    @Test func theListingIsADotEnv() throws {
        let source = Fixture.source(
            ["ROLE": "scores", "DATABASE_URL": "postgres://db/x", "DATABASE_HOST": "h", "SLACK_CHANNEL": "ignored"],
            dotEnv: ["BROKER_EXCHANGE": "a \"b\" $c\\"])
        let listing = try ConfigurationListing(source)
        #expect(listing.problems.map(\.subject) == ["BROKER_URL"])
        #expect(listing.text.contains("# SLACK_CHANNEL is set, and ignored by ROLE=scores\n"))
        #expect(listing.text.contains("# BROKER_URL is not set\n"))
        #expect(listing.text.contains("# DATABASE_HOST is set, and only completes DATABASE_URL\n"))
        #expect(listing.text.contains("# .env\n"))
        let parsed = try DotEnv.parse(listing.text)
        #expect(parsed["BROKER_EXCHANGE"] == "a \"b\" $c\\")
        #expect(parsed["ROLE"] == "scores")
        #expect(parsed["DATABASE_HOST"] == nil)
    }
}
