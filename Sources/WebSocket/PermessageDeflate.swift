import Bytes

/// permessage-deflate (RFC 7692) as two ends agreed on it; always without context takeover in either direction, so that
/// nothing is kept between messages, and a message compressed once is the same for everybody.
///
/// What a server makes of a client's offers (7.1), the first good one wins:
///
///     server_no_context_takeover    agreed, and also when it was not offered
///     client_no_context_takeover    the same; the RFC lets a server demand it
///     server_max_window_bits=N      N or 11, what is less; an offer of 8 is declined, for zlib has no window of 8 bits
///     client_max_window_bits[=N]    N or 11, what is less; without it the client may use 15
///     anything else, twice, or with a value it cannot have: this offer is declined
public struct PermessageDeflate: Equatable, Sendable {
    /// Logarithms of the windows' sizes in bytes.
    public private(set) var serverWindowBits = WebSocketLimits.windowBits
    public private(set) var clientWindowBits: UInt8 = 15
    /// Whether the client knows the parameter: only then may it be told (7.1.2.2).
    private var limitsClientWindow = false
    private var limitsServerWindow = false

    /// What a client without wishes offers, and gets.
    public init() {}

    // MARK: Negotiation

    /// What a value of `Sec-WebSocket-Extensions` asks for.
    public enum Offers: Equatable, Sendable {
        /// Nothing that can be accepted.
        case none
        case acceptable(PermessageDeflate)
        /// The value is against RFC 6455, 9.1: the handshake fails.
        case malformed
    }

    private static let name: StaticString = "permessage-deflate"
    private static let serverNoContextTakeover: StaticString = "server_no_context_takeover"
    private static let clientNoContextTakeover: StaticString = "client_no_context_takeover"
    private static let serverMaxWindowBits: StaticString = "server_max_window_bits"
    private static let clientMaxWindowBits: StaticString = "client_max_window_bits"

    /// Parameters that were given, once each.
    private struct Given: OptionSet {
        let rawValue: UInt8
        static let serverNoContextTakeover = Given(rawValue: 1)
        static let clientNoContextTakeover = Given(rawValue: 2)
        static let serverMaxWindowBits = Given(rawValue: 4)
        static let clientMaxWindowBits = Given(rawValue: 8)
    }

    /// Looks at the offers of one field line.
    public static func choose(from value: Span<UInt8>) -> Offers {
        var parser = ExtensionParser()
        var chosen: PermessageDeflate?
        var offer: PermessageDeflate?
        var given: Given = []
        while true {
            switch parser.next(value) {
            case .name(let name):
                chosen = chosen ?? offer
                offer = value.extracting(name).equals(PermessageDeflate.name) ? PermessageDeflate() : nil
                given = []
            case .parameter(let name, let argument):
                let argument = argument.map { Argument(value.extracting($0)) } ?? .none
                if offer?.take(value.extracting(name), argument, &given) == false { offer = nil }
            case .end:
                return (chosen ?? offer).map { .acceptable($0) } ?? .none
            case .malformed:
                return .malformed
            }
        }
    }

    private enum Argument {
        case none
        case windowBits(UInt8)
        case other

        /// A decimal number from 8 to 15 without leading zeros (7.1.2); in quotes any character may be escaped.
        init(_ text: Span<UInt8>) {
            var number = 0
            var digits = 0
            self = .other
            for index in text.indices where text[index] != UInt8(ascii: "\\") {
                let digit = text[index] &- UInt8(ascii: "0")
                guard digit <= 9, digits < 2, digit > 0 || digits > 0 else { return }
                number = number * 10 + Int(digit)
                digits += 1
            }
            if (8...15).contains(number) { self = .windowBits(UInt8(number)) }
        }
    }

    /// - Returns: whether the offer is still one to accept.
    private mutating func take(_ name: Span<UInt8>, _ argument: Argument, _ given: inout Given) -> Bool {
        let parameter: Given
        switch argument {
        case _ where name.equals(PermessageDeflate.serverMaxWindowBits):
            guard case .windowBits(let bits) = argument, bits > 8 else { return false }
            serverWindowBits = min(serverWindowBits, bits)
            limitsServerWindow = true
            parameter = .serverMaxWindowBits
        case .none where name.equals(PermessageDeflate.clientMaxWindowBits):
            clientWindowBits = WebSocketLimits.windowBits
            limitsClientWindow = true
            parameter = .clientMaxWindowBits
        case .windowBits(let bits) where name.equals(PermessageDeflate.clientMaxWindowBits):
            clientWindowBits = min(WebSocketLimits.windowBits, bits)
            limitsClientWindow = true
            parameter = .clientMaxWindowBits
        case .none where name.equals(PermessageDeflate.serverNoContextTakeover):
            parameter = .serverNoContextTakeover
        case .none where name.equals(PermessageDeflate.clientNoContextTakeover):
            parameter = .clientNoContextTakeover
        default:
            return false
        }
        return given.insert(parameter).inserted
    }

    /// The value of `Sec-WebSocket-Extensions` in the answer (7.1).
    public func appendAnswer(to output: inout ByteBuffer) {
        output.append("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        if limitsServerWindow {
            output.append("; server_max_window_bits=")
            output.append(decimal: Int64(serverWindowBits))
        }
        if limitsClientWindow {
            output.append("; client_max_window_bits=")
            output.append(decimal: Int64(clientWindowBits))
        }
    }

    // MARK: In use

    /// The window of the messages that `role` receives.
    func inboundWindowBits(_ role: WebSocketRole) -> UInt8 {
        role == .server ? clientWindowBits : serverWindowBits
    }

    /// The window of the messages that `role` sends.
    func outboundWindowBits(_ role: WebSocketRole) -> UInt8 {
        role == .server ? serverWindowBits : clientWindowBits
    }
}
