import Testing

@testable import Gateway

@Suite struct URLDatabaseTests {
    /// One URL and everything that comes out of it.
    struct Case: Sendable, CustomTestStringConvertible {
        var url: String
        var username: String?
        var password: String?
        /// `host:port`, and `=address` where one is given.
        var endpoints: [String] = ["h:5432"]
        var keywords: [String]
        var testDescription: String { url }
    }

    @Test(arguments: [
        // schemes
        Case(url: "postgresql://u:p@h/d", keywords: ["user=u", "password=p", "dbname=d"]),
        Case(url: "postgres://u:p@h/d", keywords: ["user=u", "password=p", "dbname=d"]),
        Case(url: "postgresql+psycopg2://u:p@h/d", keywords: ["user=u", "password=p", "dbname=d"]),
        Case(url: "postgres+asyncpg://u:p@h/d", keywords: ["user=u", "password=p", "dbname=d"]),
        Case(url: "PostgreSQL://u:p@h/d", keywords: ["user=u", "password=p", "dbname=d"]),
        // parts that are missing
        Case(url: "postgresql://h", keywords: []),
        Case(url: "postgresql://h/", keywords: []),
        Case(url: "postgresql://h:/d", keywords: ["dbname=d"]),
        Case(url: "postgresql://u@h/d", keywords: ["user=u", "dbname=d"]),
        Case(url: "postgresql://", endpoints: ["/var/run/postgresql:5432"], keywords: []),
        Case(url: "postgresql:///d", endpoints: ["/var/run/postgresql:5432"], keywords: ["dbname=d"]),
        // libpq's file of services says where, unless the URL does
        Case(url: "postgresql:///?service=scores", endpoints: [], keywords: ["service=scores"]),
        Case(url: "postgresql://h/?service=scores", keywords: ["service=scores"]),
        Case(
            url: "postgresql:///?service=scores&port=5433", endpoints: ["/var/run/postgresql:5433"],
            keywords: ["service=scores"]),
        // a review of Kólga: hyphens in host and database
        Case(
            url: "postgresql://user:testing-password@qa-r-feature-x1y2z3-postgresql:5432/qa-r-feature-x1y2z3",
            endpoints: ["qa-r-feature-x1y2z3-postgresql:5432"],
            keywords: ["user=user", "password=testing-password", "dbname=qa-r-feature-x1y2z3"]),
        // Kólga: the password is quote_plus-encoded
        Case(
            url: "postgresql://u:p%40ss+w%2Frd%3A%2B%25%C3%A9%23@h/d",
            keywords: ["user=u", "password=p@ss w/rd:+%é#", "dbname=d"]),
        Case(url: "postgresql://u:a+b@h/d", keywords: ["user=u", "password=a b", "dbname=d"]),
        // the separate variable decides between the readings
        Case(url: "postgresql://u:a+b@h/d", password: "a b", keywords: ["user=u", "password=a b", "dbname=d"]),
        Case(url: "postgresql://u:a+b@h/d", password: "a+b", keywords: ["user=u", "password=a+b", "dbname=d"]),
        Case(url: "postgresql://u:a+%2B@h/d", password: "a++", keywords: ["user=u", "password=a++", "dbname=d"]),
        Case(url: "postgresql://u:100%@h/d", password: "100%", keywords: ["user=u", "password=100%", "dbname=d"]),
        Case(url: "postgresql://u:a+b@h/d", password: "other", keywords: ["user=u", "password=a b", "dbname=d"]),
        Case(url: "postgresql://u@h/d", password: "p", keywords: ["user=u", "password=p", "dbname=d"]),
        Case(url: "postgresql://h/d", username: "n", password: "p", keywords: ["user=n", "password=p", "dbname=d"]),
        // Kólga: the user name is not encoded at all
        Case(url: "postgresql://us@er:p@h/d", keywords: ["user=us@er", "password=p", "dbname=d"]),
        Case(url: "postgresql://us%40er:p@h/d", keywords: ["user=us@er", "password=p", "dbname=d"]),
        Case(
            url: "postgresql://us%40er:p@h/d", username: "us%40er",
            keywords: ["user=us%40er", "password=p", "dbname=d"]),
        Case(url: "postgresql://50%:p@h/d", keywords: ["user=50%", "password=p", "dbname=d"]),
        Case(url: "postgresql://a+b:p@h/d", keywords: ["user=a+b", "password=p", "dbname=d"]),
        Case(url: "postgresql://u:p:q@h/d", keywords: ["user=u", "password=p:q", "dbname=d"]),
        Case(url: "postgresql://u:p@q@h/d", keywords: ["user=u", "password=p@q", "dbname=d"]),
        // database names
        Case(url: "postgresql://h/a%2Fb%20c", keywords: ["dbname=a/b c"]),
        Case(url: "postgresql://h/my@db", keywords: ["dbname=my@db"]),
        // several hosts, IPv6
        Case(url: "postgresql://a:1,b,c:3/d", endpoints: ["a:1", "b:5432", "c:3"], keywords: ["dbname=d"]),
        Case(
            url: "postgresql://[::1]:6432,[fe80::1%25eth0]/d", endpoints: ["::1:6432", "fe80::1%eth0:5432"],
            keywords: ["dbname=d"]),
        Case(
            url: "postgresql://a,b/d?target_session_attrs=read-write", endpoints: ["a:5432", "b:5432"],
            keywords: ["dbname=d", "target_session_attrs=read-write"]),
        // unix sockets
        Case(url: "postgresql:///d?host=/tmp", endpoints: ["/tmp:5432"], keywords: ["dbname=d"]),
        Case(url: "postgresql:///d?host=/tmp&port=5433", endpoints: ["/tmp:5433"], keywords: ["dbname=d"]),
        Case(url: "postgresql:///d?port=5433&host=%2Ftmp", endpoints: ["/tmp:5433"], keywords: ["dbname=d"]),
        Case(url: "postgresql://%2Fvar%2Frun:1/d", endpoints: ["/var/run:1"], keywords: ["dbname=d"]),
        Case(url: "postgresql://u@:5433/d?host=/tmp", endpoints: ["/tmp:5433"], keywords: ["user=u", "dbname=d"]),
        // options of libpq
        Case(
            url: "postgresql://h/d?sslmode=verify-full&sslrootcert=%2Fca.pem&application_name=a+b%20c",
            keywords: ["dbname=d", "sslmode=verify-full", "sslrootcert=/ca.pem", "application_name=a+b c"]),
        Case(url: "postgresql://h/d?ssl=true", keywords: ["dbname=d", "sslmode=require"]),
        Case(url: "postgresql://h/d?sslmode=a&sslmode=b", keywords: ["dbname=d", "sslmode=b"]),
        Case(url: "postgresql://h?user=u&password=p+q&dbname=d", keywords: ["user=u", "password=p+q", "dbname=d"]),
        Case(url: "postgresql://h/d?", keywords: ["dbname=d"]),
        Case(url: "postgresql://x/d?host=a,b&port=1,2", endpoints: ["a:1", "b:2"], keywords: ["dbname=d"]),
        Case(url: "postgresql://x/d?host=a,b&port=7", endpoints: ["a:7", "b:7"], keywords: ["dbname=d"]),
        Case(url: "postgresql://h/d?hostaddr=10.0.0.1", endpoints: ["h:5432=10.0.0.1"], keywords: ["dbname=d"]),
        Case(
            url: "postgresql:///d?hostaddr=10.0.0.1,10.0.0.2",
            endpoints: ["10.0.0.1:5432=10.0.0.1", "10.0.0.2:5432=10.0.0.2"],
            keywords: ["dbname=d"]),
    ])
    func reading(test: Case) throws {
        let target = try DatabaseURL.parse(test.url, username: test.username, password: test.password)
        let endpoints = target.endpoints.map { "\($0.host):\($0.port)" + ($0.address.map { "=\($0)" } ?? "") }
        #expect(endpoints == test.endpoints)
        #expect(target.keywords.map { "\($0.0)=\($0.1)" } == test.keywords)
        #expect(!target.display.contains("password=p"))
    }

    @Test(arguments: [
        "", "postgresql", "postgresql:", "postgresql:/h", "://h", "mysql://h/d", "postgresqlx://h", "amqp://h",
        "sqlite:scores.db", "sqlite:///scores.db", "host=h dbname=d", "postgresql://h:0/d", "postgresql://h:65536/d",
        "postgresql://h:x/d", "postgresql://h:1:2/d", "postgresql://::1/d", "postgresql://[::1/d",
        "postgresql://[::1]x/d",
        "postgresql://[h]/d", "postgresql://[]/d", "postgresql://u:pa/ss@h/d", "postgresql://u:pa?ss@h/d",
        "postgresql://u:%zz@h/d", "postgresql://u:%4@h/d", "postgresql://u:%00@h/d", "postgresql://u:%ff@h/d",
        "postgresql://h/%zz", "postgresql://h h/d", "postgresql://h/d ", " postgresql://h/d", "postgresql://h/d\n",
        "postgresql://h/d?sslmod=require", "postgresql://h/d?sslmode", "postgresql://h/d?x=%zz",
        "postgresql://h/d?port=x",
        "postgresql://a,b/d?port=1,2,3", "postgresql://a,b/d?hostaddr=10.0.0.1", "postgresql://hö/d",
        "postgresql://a#b/d",
    ])
    func refused(url: String) {
        #expect(throws: URLError.self) { try DatabaseURL.parse(url) }
    }

    @Test func theReasonIsSaid() {
        #expect(throws: URLError("libpq has no such option after ?")) { try DatabaseURL.parse("postgres://h?a=b") }
    }

    @Test func display() throws {
        let url = "postgresql+psycopg2://us@er:p%40ss@a:1,[::1]/d-b?sslmode=require&sslpassword=x&password=y"
        #expect(
            try DatabaseURL.parse(url).display
                == "postgresql://us@er:***@a:1,[::1]:5432/d-b?sslmode=require&sslpassword=***")
        #expect(try DatabaseURL.parse("postgresql:///d?host=/tmp").display == "postgresql:///tmp:5432/d")
    }

    @Test func socketPath() throws {
        let unix = try DatabaseURL.parse("postgresql:///d?host=/tmp").endpoints[0]
        #expect(unix.isUnixSocket)
        #expect(unix.socketPath == "/tmp/.s.PGSQL.5432")
        #expect(try !DatabaseURL.parse("postgresql://h/d").endpoints[0].isUnixSocket)
    }
}
