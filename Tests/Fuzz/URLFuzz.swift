// What configuration writes in URLs, and in the lists and numbers next to them. Properties: any text is read or refused;
// what was read, printed, is read as the same; a password changes nothing of what is shown.
//
// Input: a digit that says what the rest is (0 DATABASE_URL, 1 BROKER_URL, 2 an HTTP URL, 3 ALLOWED_ORIGINS,
// 4 TRUSTED_PROXIES, 5 API_TOKENS, 6 RATE_LIMIT, sizes and times), and the text. Where something else is to be said with
// it, that follows after U+0001: user and password of their own variables, or X-Forwarded-For.

import Reactor

@testable import Gateway

@c(LLVMFuzzerTestOneInput)
public func fuzzURL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    // No environment holds a zero byte, and files that do are refused before.
    guard let what = input.first, !input.contains(0) else { return 0 }
    let pieces = input.dropFirst().split(separator: 1, maxSplits: 2, omittingEmptySubsequences: false)
    let texts = pieces.map { String(decoding: $0, as: UTF8.self) }
    let more = Array(texts.dropFirst())
    switch what & 7 {
    case 0: database(texts[0], username: more.first, password: more.last)
    case 1: broker(texts[0], username: more.first, password: more.last)
    case 2: http(texts[0])
    case 3: origins(texts[0])
    case 4: networks(texts[0], forwarded: more.first ?? "")
    case 5: tokens(texts[0])
    case 6: numbers(texts[0])
    default: escapes(texts[0])
    }
    return 0
}

// MARK: URLs

private func database(_ text: String, username: String?, password: String?) {
    hosts(text)
    guard let target = try? DatabaseURL.parse(text, username: username, password: password) else { return }
    precondition(!target.endpoints.isEmpty, "no server")
    let printed = written(target, password: target.keyword("password"))
    guard let again = try? DatabaseURL.parse(printed) else { preconditionFailure("printed, it is refused: \(printed)") }
    precondition(again.endpoints == target.endpoints, "printed, it has other servers: \(printed)")
    precondition(again.display == target.display, "printed, it is shown otherwise: \(printed)")
    precondition(sorted(again) == sorted(target), "printed, it says something else: \(printed)")
    guard target.keyword("password") != nil else { return }
    let other = try? DatabaseURL.parse(written(target, password: "another one"))
    precondition(other?.display == target.display, "the password is shown")
}

private func sorted(_ target: PostgresTarget) -> [String] {
    target.keywords.map { "\($0.0)=\($0.1)" }.sorted()
}

/// All of it in the query, where nothing has a place of its own.
private func written(_ target: PostgresTarget, password: String?) -> String {
    var options = target.keywords.filter { $0.0 != "password" }
    if let password { options.append(("password", password)) }
    options.append(("host", target.hosts.joined(separator: ",")))
    options.append(("port", target.ports.map(String.init).joined(separator: ",")))
    if target.endpoints.contains(where: { $0.address != nil }) {
        options.append(("hostaddr", target.endpoints.map { $0.address ?? "" }.joined(separator: ",")))
    }
    return "postgresql://?" + options.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
}

private func broker(_ text: String, username: String?, password: String?) {
    hosts(text)
    guard let target = try? BrokerURL.parse(text, username: username, password: password) else { return }
    precondition(!target.endpoints.isEmpty, "no server")
    for endpoint in target.endpoints {
        precondition(!endpoint.host.isEmpty && endpoint.port > 0, "a server without a place")
        precondition(endpoint.vhost.utf8.count <= ConfigurationLimits.amqpNameBytes, "a name AMQP cannot carry")
        // An empty user name in a URL is none.
        guard !endpoint.user.isEmpty else { return }
    }
    let printed = written(target, password: nil)
    guard let again = try? BrokerURL.parse(printed) else { preconditionFailure("printed, it is refused: \(printed)") }
    precondition(again == target, "printed, it is another one: \(printed)")
    let other = try? BrokerURL.parse(written(target, password: "another one"))
    precondition(other?.description == target.description, "the password is shown")
}

private func written(_ target: BrokerTarget, password: String?) -> String {
    target.endpoints.map { endpoint in
        let host = HostPort(host: endpoint.host, port: endpoint.port).text
        let login = "\(encoded(endpoint.user)):\(encoded(password ?? endpoint.password))"
        return "\(endpoint.tls ? "amqps" : "amqp")://\(login)@\(host)/\(encoded(endpoint.vhost))"
    }.joined(separator: ",")
}

private func http(_ text: String) {
    hosts(text)
    guard let url = try? HTTPURL(text) else { return }
    precondition((try? HTTPURL(url.text)) == url, "printed, it is another one: \(url.text)")
    guard let below = try? HTTPURL(url.appending("/scores")) else { preconditionFailure("a path below is refused") }
    precondition(below.path == url.path + "/scores" && below.host == url.host, "below is elsewhere: \(below)")
    precondition(below.port == url.port && below.tls == url.tls, "below is elsewhere: \(below)")

    // The same with another password: between the scheme and the last @ of the authority.
    let authority = url.text.utf8.prefix(url.text.utf8.count - url.path.utf8.count)
    guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return }
    let begin = url.text.utf8.index(url.text.startIndex, offsetBy: url.tls ? 8 : 7)
    let login = url.text.utf8[begin..<at]
    let user = login.firstIndex(of: UInt8(ascii: ":")).map { String(url.text[begin...$0]) } ?? ""
    let other = String(url.text[..<begin]) + user + "another" + String(url.text[at...])
    precondition((try? HTTPURL(other))?.description == url.description, "the password is shown: \(other)")
}

/// Each host of the authority, printed, is read as the same.
private func hosts(_ text: String) {
    guard let parts = try? URLParts(text), let endpoints = try? parts.endpoints() else { return }
    for endpoint in endpoints {
        // Folders and abstract names are paths: they are not printed into an authority.
        if endpoint.host.hasPrefix("/") || endpoint.host.hasPrefix("@") { continue }
        guard let again = try? HostPort(endpoint.text.utf8) else {
            preconditionFailure("printed, the host is refused: \(endpoint.text)")
        }
        precondition(again == endpoint, "printed, the host is another one: \(endpoint.text)")
    }
}

private func origins(_ text: String) {
    guard case .list(let origins)? = AllowedOrigins(text) else { return }
    precondition(!origins.isEmpty, "a list of nothing")
    precondition(AllowedOrigins(origins.joined(separator: ",")) == .list(origins), "printed, others: \(origins)")
}

private func escapes(_ text: String) {
    let decoded = PercentEncoding.decode(encoded(text).utf8)
    precondition(decoded == text, "encoded and decoded, it is another text")
    precondition(PercentEncoding.decode(encoded(text).utf8, plusIsBlank: true) == decoded, "an escape became a blank")
    guard let once = PercentEncoding.decode(text.utf8) else { return }
    precondition(PercentEncoding.decode(encoded(once).utf8) == once, "decoded and encoded, it is another text")
}

/// Everything but what RFC 3986 calls unreserved.
private func encoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default: encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
    return encoded
}

// MARK: Lists and numbers

private func networks(_ text: String, forwarded: String) {
    guard let networks = Networks(text) else { return }
    var first: IPAddress?
    for piece in text.split(separator: ",") {
        let address = piece.split(separator: " ").first.flatMap { IPAddress(String($0.prefix { $0 != "/" })) }
        guard let address else { preconditionFailure("a network without an address: \(piece)") }
        precondition(networks.contains(address), "a network without its own address: \(piece)")
        precondition(IPAddress(address.description) == address, "printed, it is another address: \(address)")
        for length in [0, 1, 63, 64, 65, 96, 127, 128] {
            let prefix = address.prefix(length)
            precondition(prefix.prefix(length) == prefix, "a prefix of a prefix is another one")
        }
        first = first ?? address
    }
    guard let peer = first else { return }
    let found = client(networks, behind: peer, forwarded)
    precondition(IPAddress(found.description) == found, "printed, it is another address: \(found)")
    // Before a stranger's address anybody can have written anything.
    if !networks.contains(found), !forwarded.isEmpty {
        for invented in ["192.0.2.99", "nobody", "\(peer)"] {
            precondition(
                client(networks, behind: peer, "\(invented), \(forwarded)") == found, "a client chose its address"
            )
        }
    }
    let stranger = IPAddress("203.0.113.77")!  // an address of the documentation
    if !networks.contains(stranger) {
        precondition(client(networks, behind: stranger, forwarded) == stranger, "a stranger is believed")
        // Whatever a client wrote, what its proxy puts behind it is the client.
        if networks.contains(peer) {
            precondition(
                client(networks, behind: peer, "\(forwarded), \(stranger)") == stranger, "a client hid its address")
        }
    }
}

private func client(_ networks: Networks, behind peer: IPAddress, _ forwarded: String) -> IPAddress {
    let bytes = Array(forwarded.utf8)
    return networks.client(behind: peer, in: bytes.span, [0..<bytes.count])
}

private func tokens(_ text: String) {
    guard let tokens = APITokens(text) else { return }
    let presented = text.split { $0 == "," || $0 == " " || $0 == "\n" || $0 == "\r\n" || $0 == "\t" }
    for (index, token) in presented.enumerated() {
        for form in ["Bearer \(token)", "bEARER   \(token)"] {
            guard let match = tokens.match(Array(form.utf8).span) else { preconditionFailure("a token is refused") }
            // One that is listed twice is found once.
            precondition(match == index || presented[match] == token, "another token is taken for it")
        }
        for form in ["Bearer\(token)", "Basic \(token)", "Bearer x\(token)", "Bearer \(token) ", "\(token)"]
        where !presented.contains("x" + token) {
            precondition(tokens.match(Array(form.utf8).span) == nil, "taken for a token: \(form)")
        }
    }
}

private func numbers(_ text: String) {
    if let rate = Rate(text) {
        let unit = rate.period == .seconds(1) ? "s" : rate.period == .seconds(60) ? "m" : "h"
        precondition(Rate("\(rate.count)/\(unit)") == rate, "printed, it is another rate")
    }
    if let bytes = Quantity.bytes(text) {
        precondition(bytes >= 0 && Quantity.bytes(Quantity.text(bytes: bytes)) == bytes, "printed, it is another size")
    }
    if let duration = Quantity.duration(text) {
        precondition(duration >= .zero, "a time before")
        precondition(Quantity.duration(Quantity.text(duration)) == duration, "printed, it is another time")
    }
}
