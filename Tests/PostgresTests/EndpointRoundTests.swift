import Testing

@testable import Postgres

@Suite struct EndpointRoundTests {
    private func round(_ hosts: [(host: String, port: UInt16)], addresses: [String] = []) -> EndpointRound {
        var configuration = PostgresConfiguration(keywords: [], hosts: hosts)
        configuration.addresses = addresses
        return EndpointRound(configuration)
    }

    @Test func everyAddressOfEveryHostIsTriedInTurn() {
        var round = round([("a", 1), ("b", 2)])
        #expect(round.next() == .resolve(host: "a", port: 1))
        round.resolved(["::1", "127.0.0.1"])
        #expect(round.next() == .connect(Endpoint(host: "a", address: "::1", port: 1)))
        #expect(round.next() == .connect(Endpoint(host: "a", address: "127.0.0.1", port: 1)))
        #expect(round.next() == .resolve(host: "b", port: 2))
        round.resolved(["10.0.0.2"])
        #expect(round.next() == .connect(Endpoint(host: "b", address: "10.0.0.2", port: 2)))
        #expect(round.next() == .over)
        #expect(round.next() == .over)
    }

    @Test func aNameWithoutAddressIsPassedOver() {
        var round = round([("a", 1), ("b", 2)])
        #expect(round.next() == .resolve(host: "a", port: 1))
        #expect(round.next() == .resolve(host: "b", port: 2))
    }

    @Test func socketsAreNotResolved() {
        var round = round([("/run/postgresql", 1), ("@abstract", 2), ("", 3)])
        #expect(round.next() == .connect(Endpoint(host: "/run/postgresql", address: nil, port: 1)))
        #expect(round.next() == .connect(Endpoint(host: "@abstract", address: nil, port: 2)))
        #expect(round.next() == .connect(Endpoint(host: nil, address: nil, port: 3)))
        #expect(round.next() == .over)
    }

    @Test func aGivenAddressIsNotResolvedAndTheNameIsKeptForTheCertificate() {
        var round = round([("a", 1), ("b", 2)], addresses: ["10.0.0.1", ""])
        #expect(round.next() == .connect(Endpoint(host: "a", address: "10.0.0.1", port: 1)))
        #expect(round.next() == .resolve(host: "b", port: 2))
    }

    @Test func withoutAnyHostItIsLibpqsOwn() {
        var round = round([])
        #expect(round.next() == .connect(Endpoint()))
        #expect(round.next() == .over)
    }
}
