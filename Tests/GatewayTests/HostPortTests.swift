import Testing

@testable import Gateway

@Suite struct HostPortTests {
    @Test(arguments: [
        "", "h", "h:1", "a-b.c_d:65535", "10.0.0.1:5", "[::1]", "[::1]:5432", "[::ffff:10.0.0.1]:1", "[fe80::1%25eth0]",
        "[fe80::1%25eth0]:1", "[fe80::1%2525]",
    ])
    func printedItIsReadAsTheSame(text: String) throws {
        let host = try HostPort(text.utf8)
        #expect(host.text == text)
        #expect(try HostPort(host.text.utf8) == host)
    }

    @Test func aZoneIsBehindAPlainPercentSign() throws {
        #expect(try HostPort("[fe80::1%25eth0]:1".utf8) == HostPort(host: "fe80::1%eth0", port: 1))
        #expect(try HostPort("[fe80::1%2525]".utf8).host == "fe80::1%25", "an interface's number")
    }

    /// What was taken for a host here was printed as none: an escaped bracket, a name with a colon, a zone not escaped.
    @Test(arguments: [
        "[]", "[h]", "[a:b]", "[zz:zz]", "[::g]", "[1:2:3:4:5:6:7:8:9]", "[:]", "[:%5D]", "[:%5B]", "[::%3A1]",
        "[::1%5D]",
        "[fe80::1%eth0]", "[fe80::1%]", "[fe80::1%25]", "[fe80::1%25a%5D]", "[fe80::1%25a:b]", "[::1", "[::1]]",
        "[[::1]]", "[::1]x", "a[::1]", "h]", "[10.0.0.1]", "%5B::1%5D", "%5Bh%5D",
    ])
    func onlyAnAddressStandsInBrackets(text: String) {
        #expect(throws: URLError.self) { try HostPort(text.utf8) }
    }

    /// libpq would take it for two.
    @Test(arguments: ["%2Ftmp%2Cother", "@name%2C", "/tmp,h"])
    func oneHostIsNoList(text: String) {
        #expect(throws: URLError.self) { try HostPort(text.utf8) }
    }
}
