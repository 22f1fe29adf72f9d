import Bytes
import Reactor

/// A URL cut at its punctuation, before anybody interprets the pieces.
///
///     scheme://userinfo@host:port,host:port/path?query
///              └─────── authority ────────┘
///
/// Two rules differ from RFC 3986, because deployment tools write such URLs: userinfo ends at the *last* `@` of the
/// authority (user names come unencoded, `us@er`), and the authority may be a comma-separated list of hosts.
struct URLParts {
    /// In lower case.
    var scheme: String
    /// Before the last `@`, still encoded; nil without an `@`.
    var userinfo: [UInt8]?
    /// After it, still encoded.
    var hosts: [UInt8]
    /// After the first `/`, still encoded; nil without a `/`.
    var path: [UInt8]?
    /// After the `?`, still encoded; nil without a `?`.
    var query: [UInt8]?

    /// - Throws: what is wrong, in words that never repeat a piece of the URL: any piece may be half a password.
    init(_ text: String) throws(URLError) {
        let bytes = Array(text.utf8)
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            throw URLError("it holds a control character")
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8) else {
            throw URLError("it does not begin with a scheme and ://")
        }
        scheme = String(decoding: bytes[..<colon], as: UTF8.self).lowercased()
        let rest = bytes[(colon + 3)...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = rest[..<end]
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            userinfo = Array(authority[..<at])
            hosts = Array(authority[(at + 1)...])
        } else {
            userinfo = nil
            hosts = Array(authority)
        }
        let tail = rest[end...]
        let question = tail.firstIndex(of: UInt8(ascii: "?")) ?? tail.endIndex
        path = tail.first == UInt8(ascii: "/") ? Array(tail[(end + 1)..<question]) : nil
        query = question < tail.endIndex ? Array(tail[(question + 1)...]) : nil
        guard !hosts.contains(UInt8(ascii: " ")), !tail.contains(UInt8(ascii: " ")) else {
            throw URLError("it holds a blank")
        }
    }

    /// The hosts of the authority, each with its port as written.
    func endpoints() throws(URLError) -> [HostPort] {
        var endpoints: [HostPort] = []
        for piece in hosts.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            endpoints.append(try HostPort(piece))
        }
        return endpoints
    }

    /// The user name and the password of userinfo, in the reading that fits what is stated elsewhere.
    ///
    /// Kólga writes the password with Python's `quote_plus` (a blank is `+`) and the user name as it is, where libpq
    /// and RFC 3986 leave `+` alone and encode both. So: when the separate variable equals one of the readings, that
    /// one is meant; without it, `+` in a password is a blank, and an escape in a user name is decoded if it is one.
    /// What the URL does not say is taken from the separate variables.
    func credentials(username: String?, password: String?) throws(URLError) -> (user: String?, password: String?) {
        guard let userinfo, !userinfo.isEmpty else { return (username, password) }
        let colon = userinfo.firstIndex(of: UInt8(ascii: ":")) ?? userinfo.endIndex
        let rawUser = String(decoding: userinfo[..<colon], as: UTF8.self)
        let decodedUser = PercentEncoding.decode(userinfo[..<colon])
        let user = rawUser.isEmpty || rawUser == username ? username : decodedUser ?? rawUser
        guard colon < userinfo.endIndex else { return (user, password) }
        let raw = userinfo[(colon + 1)...]
        let reading = PercentEncoding.decode(raw, plusIsBlank: true)
        if let password, !password.isEmpty,
            password == reading || password == PercentEncoding.decode(raw)
                || password == String(decoding: raw, as: UTF8.self)
        {
            return (user, password)
        }
        guard let reading else { throw URLError("the password has a % that begins no escape (write %25)") }
        return (user, reading)
    }
}

/// A host and, where written, its port: `host`, `host:5432`, `[::1]:5432`, `%2Ftmp`.
struct HostPort: Equatable {
    /// Decoded, without brackets, the zone of an address behind a plain `%`; may be empty.
    var host: String
    var port: UInt16?

    init(host: String, port: UInt16?) {
        self.host = host
        self.port = port
    }

    init(_ bytes: some BidirectionalCollection<UInt8>) throws(URLError) {
        let bytes = Array(bytes)
        let digits: ArraySlice<UInt8>
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw URLError("a [ is not closed") }
            let after = bytes[(close + 1)...]
            guard after.isEmpty || after.first == UInt8(ascii: ":") else {
                throw URLError("after ] only a port may follow")
            }
            digits = after.dropFirst()
            guard let address = HostPort.address(bytes[1..<close]) else {
                throw URLError("between [ and ] an IPv6 address is expected (and its zone as %25 and a name)")
            }
            host = address
        } else {
            let name = bytes.prefix { $0 != UInt8(ascii: ":") }
            digits = bytes[name.endIndex...].dropFirst()
            guard let decoded = PercentEncoding.decode(name) else {
                throw URLError("the host has a % that begins no escape")
            }
            guard HostPort.isHost(decoded) else {
                throw URLError("the host is none (in user and password, write @ : / ? # as %40 %3A %2F %3F %23)")
            }
            host = decoded
        }
        port = nil
        // RFC 3986 section 3.2.3: an empty port is the default port.
        if !digits.isEmpty {
            guard let number = HostPort.port(digits) else {
                throw URLError("the port is no number from 1 to 65535 (in user and password, write : / as %3A %2F)")
            }
            port = number
        }
    }

    /// 1 to 65535 in decimal digits.
    static func port(_ digits: some Collection<UInt8>) -> UInt16? {
        guard digits.allSatisfy({ $0 &- 0x30 <= 9 }), let number = UInt16(String(decoding: digits, as: UTF8.self)),
            number > 0
        else { return nil }
        return number
    }

    /// What stands between brackets: an IPv6 address, without escapes, and the zone it is of behind `%25` (RFC 6874).
    private static func address(_ literal: ArraySlice<UInt8>) -> String? {
        let address = literal.prefix { $0 != UInt8(ascii: "%") }
        let text = String(decoding: address, as: UTF8.self)
        guard address.contains(UInt8(ascii: ":")), IPAddress(text) != nil else { return nil }
        guard address.endIndex < literal.endIndex else { return text }
        let zone = literal[address.endIndex...]
        guard zone.starts(with: "%25".utf8), zone.count > 3, zone.dropFirst(3).allSatisfy(isNameByte) else {
            return nil
        }
        return text + "%" + String(decoding: zone.dropFirst(3), as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte.asciiLowercased {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// A name or IPv4 address, a directory of a unix socket (`/tmp`), an abstract one (`@name`), or nothing. Never with a
    /// comma, an encoded one neither: libpq takes what it stands in for a list.
    private static func isHost(_ host: String) -> Bool {
        if host.hasPrefix("/") || host.hasPrefix("@") { return !host.utf8.contains(UInt8(ascii: ",")) }
        return host.utf8.allSatisfy(isNameByte)
    }

    /// As in a URL.
    var text: String {
        let name =
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(host.split(separator: "%").joined(separator: "%25"))]" : host
        return port.map { "\(name):\($0)" } ?? name
    }
}

/// What is wrong with a URL, in words that hold no piece of it.
struct URLError: Error, Equatable {
    var reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}
