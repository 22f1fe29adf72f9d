import Bytes
import Reactor
import Testing

@testable import Gateway

@Suite struct NetworksTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.8", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
        ("2001:db8::/65", "2001:db8::7fff:0:0:1", true), ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
        ("::/0", "2001:db8::1", true), (" 10.0.0.0/8 , 127.0.0.1", "127.0.0.1", true),
        // A mapped address is the IPv4 one: sockets that listen on :: have it so.
        ("127.0.0.0/8", "::ffff:127.0.0.1", true), ("10.0.0.1/8", "10.9.9.9", true),
    ])
    func contains(networks: String, address: String, isIn: Bool) throws {
        #expect(try #require(Networks(networks)).contains(#require(IPAddress(address))) == isIn)
    }

    @Test(arguments: [
        "", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8,", "::/129", "10.0.0.0/8 x", "host",
    ])
    func whatIsNone(text: String) {
        #expect(Networks(text) == nil)
    }

    @Test(arguments: [
        // Somebody who is no proxy may say what he likes.
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        // From the end: what the client itself wrote in front counts for nothing.
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"), ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "unknown", "10.0.0.1"), ("10.0.0.1", "198.51.100.1, _hidden", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"), ("10.0.0.1", ",", "10.0.0.1"), ("10.0.0.1", "198.51.100.1, ,", "198.51.100.1"),
        ("10.0.0.1", "\t198.51.100.1 \t", "198.51.100.1"), ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1 ,10.0.0.2", "2001:db8::1"),
        // Only a port may follow an address.
        ("10.0.0.1", "198.51.100.1:", "10.0.0.1"), ("10.0.0.1", "198.51.100.1:x", "10.0.0.1"),
        ("10.0.0.1", "[2001:db8::1]x", "10.0.0.1"), ("10.0.0.1", "[2001:db8::1]:", "10.0.0.1"),
        ("10.0.0.1", "[2001:db8::1", "10.0.0.1"), ("10.0.0.1", "[]", "10.0.0.1"), ("10.0.0.1", ":80", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1\0", "10.0.0.1"),
        // A character that joins with the comma behind it, for who reads characters and not bytes.
        ("10.0.0.1", "6.6.6.6:\u{600}, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6,\u{301}, 198.51.100.1", "198.51.100.1"),
    ])
    func clientBehindProxies(peer: String, forwarded: String, client: String) throws {
        let proxies = try #require(Networks("10.0.0.0/8"))
        let bytes = Array(forwarded.utf8)
        let found = proxies.client(behind: try #require(IPAddress(peer)), in: bytes.span, [0..<bytes.count])
        #expect(found == IPAddress(client))
    }

    @Test(arguments: [
        // A proxy that adds a line, and one in front of it that does too.
        (["1.2.3.4", "198.51.100.1"], "198.51.100.1"), (["1.2.3.4, 198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        (["198.51.100.1", "10.0.0.3", "10.0.0.2, 10.0.0.4"], "198.51.100.1"), (["198.51.100.1", ""], "198.51.100.1"),
        ([], "10.0.0.1"),
    ])
    func severalLinesAreOneList(forwarded: [String], client: String) throws {
        let proxies = try #require(Networks("10.0.0.0/8"))
        var bytes: [UInt8] = []
        var lines: [Range<Int>] = []
        for line in forwarded {
            let start = bytes.count
            bytes += line.utf8
            lines.append(start..<bytes.count)
            bytes += "\r\nX-Forwarded-For: ".utf8
        }
        #expect(proxies.client(behind: IPAddress("10.0.0.1")!, in: bytes.span, lines) == IPAddress(client))
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8:0:0:0:0:0:1"), ("::ffff:10.0.0.1", "10.0.0.1"),
    ])
    func asText(text: String, shown: String) throws {
        #expect(try #require(IPAddress(text)).description == shown)
    }
}

@Suite struct APITokensTests {
    private let one = "0123456789abcdef"
    private let two = "ABCDEF-._~+/=0123456789"

    private func match(_ tokens: APITokens, _ text: String) -> Int? {
        let bytes = Array(text.utf8)
        return tokens.match(bytes.span)
    }

    @Test func anyOfThemIsRight() throws {
        let tokens = try #require(APITokens("\(one),\(two)\n"))
        #expect(match(tokens, "Bearer \(one)") == 0)
        #expect(match(tokens, "bearer   \(two)") == 1)
        #expect(match(tokens, "BEARER \(two)") == 1)
    }

    @Test(arguments: [
        "", "Bearer", "Bearer ", "Basic 0123456789abcdef", "0123456789abcdef", "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef0", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef x", "Bearer,0123456789abcdef",
    ])
    func nothingElseIs(text: String) throws {
        #expect(match(try #require(APITokens(one)), text) == nil)
        let long = String(repeating: "x", count: APITokens.longest + 1)
        #expect(match(try #require(APITokens(one)), "Bearer " + long) == nil)
    }

    @Test(arguments: ["", " ,\n", "short", "0123456789abcde", "0123456789abcdef,short", "0123456789abcde\u{e4}"])
    func whatIsNone(text: String) {
        #expect(APITokens(text) == nil)
    }
}

@Suite struct RateLimiterTests {
    @Test(arguments: ["", "5", "5/", "/s", "0/s", "-1/s", "5/d", "5/s/s", "1000001/s", "1.5/s", " 5/s"])
    func whatIsNoRate(text: String) {
        #expect(Rate(text) == nil)
    }

    private let start = Instant(nanoseconds: 1_000_000_000_000)

    @Test func aPeriodsRequestsAtOnceAndThenAtTheRate() throws {
        let limiter = RateLimiter(try #require(Rate("10/s")))
        for _ in 0..<10 { #expect(limiter.take("ada", at: start) == .zero) }
        #expect(limiter.take("ada", at: start) == .milliseconds(100))
        #expect(limiter.take("ada", at: start + .milliseconds(40)) == .milliseconds(60))
        #expect(limiter.take("ada", at: start + .milliseconds(100)) == .zero)
        #expect(limiter.take("ada", at: start + .milliseconds(100)) == .milliseconds(100))
        // Being refused costs nothing; after a while the bucket is full, and not fuller.
        let later = start + .seconds(1000)
        #expect((0..<20).filter { _ in limiter.take("ada", at: later) == .zero }.count == 10)
    }

    @Test func oneDoesNotPayForAnother() throws {
        let limiter = RateLimiter(try #require(Rate("5/m")))
        for _ in 0..<100 { _ = limiter.take("flood", at: start) }
        #expect(limiter.take("ada", at: start) == .zero)
    }

    /// In bounded memory: far more clients than cells, each within its rate.
    @Test func aMillionClientsWithinTheirRateAreNotHeldForEachOther() throws {
        let limiter = RateLimiter(try #require(Rate("100/s")))
        let refused = (0..<1_000_000).count { limiter.take($0, at: start) != .zero }
        #expect(refused == 0)
    }

    /// What shares a cell in one table shares none in the other, mostly.
    @Test func manyWhoUseItUpDoNotShutOutTheRest() throws {
        let limiter = RateLimiter(try #require(Rate("2/h")))
        for client in 0..<20_000 { for _ in 0..<3 { _ = limiter.take(client, at: start) } }
        let shutOut = (100_000..<110_000).count { limiter.take($0, at: start) != .zero }
        #expect(shutOut < 500, "\(shutOut) of 10,000")
    }
}
