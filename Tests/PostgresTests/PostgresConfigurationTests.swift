import Testing

@testable import Postgres

@Suite struct PostgresConfigurationTests {
    /// What libpq takes for a keyword: the last one given.
    private func effective(_ configuration: PostgresConfiguration, _ endpoint: Endpoint) -> [String: String] {
        configuration.parameters(endpoint).reduce(into: [:]) { $0[$1.name] = $1.value }
    }

    @Test func whatTheUserSaysWinsOverOurDefaultsButNotOverTheEndpoint() {
        let configuration = PostgresConfiguration(
            keywords: [
                ("keepalives_idle", "60"), ("gssencmode", "require"), ("client_encoding", "LATIN1"), ("host", "other"),
            ], hosts: [])
        let effective = effective(configuration, Endpoint(host: "db", address: "10.0.0.1", port: 6432))
        #expect(effective["keepalives_idle"] == "60")
        #expect(effective["keepalives_count"] == "3")
        #expect(effective["gssencmode"] == "require")
        #expect(effective["client_encoding"] == "UTF8")
        #expect(effective["host"] == "db" && effective["hostaddr"] == "10.0.0.1" && effective["port"] == "6432")
    }

    @Test func anEndpointThatNamesNothingLeavesTheChoiceToLibpq() {
        let effective = effective(PostgresConfiguration(keywords: [], hosts: []), Endpoint())
        #expect(effective["host"] == nil && effective["hostaddr"] == nil && effective["port"] == nil)
    }

    @Test(arguments: [
        (Endpoint(host: "db", address: "10.0.0.1", port: 1), "db (10.0.0.1) port 1"),
        (Endpoint(host: "10.0.0.1", address: "10.0.0.1", port: 2), "10.0.0.1 port 2"),
        (Endpoint(host: "/run/postgresql", address: nil, port: 3), "/run/postgresql port 3"),
        (Endpoint(), "the default socket"),
    ]) func anEndpointIsNamedAsItIsTried(endpoint: Endpoint, text: String) {
        #expect("\(endpoint)" == text)
    }
}
