import Bytes

/// What a head says in the fields that somebody looks at: where their values stand, and what the lists among them mean.
///
/// A class, and its parser's alone: as a value it would be copied whole at every look into it.
final class KnownFields {
    /// The options of the list fields that decide about the connection (RFC 9110 §7.6.1, §7.8, §10.1.1).
    struct Options: OptionSet {
        var rawValue: UInt8

        static let close = Options(rawValue: 1)
        static let keepAlive = Options(rawValue: 2)
        static let upgrade = Options(rawValue: 4)
        static let webSocket = Options(rawValue: 8)
        static let expectsContinue = Options(rawValue: 16)
        static let unknownExpectation = Options(rawValue: 32)
    }

    private struct Place {
        var start: UInt32 = 0
        var end: UInt32 = 0
    }

    private(set) var options: Options = []
    private var present: UInt32 = 0
    private var repeated: UInt32 = 0
    /// One for each `FieldName`.
    private var places = InlineArray<28, Place>(repeating: Place())

    /// Forgets the last message. The places stay as they are: `present` says which of them count.
    func removeAll() {
        options = []
        present = 0
        repeated = 0
    }

    func has(_ name: FieldName) -> Bool { present & (1 << UInt32(name.rawValue)) != 0 }

    func isRepeated(_ name: FieldName) -> Bool { repeated & (1 << UInt32(name.rawValue)) != 0 }

    /// Where the first line of that name has its value.
    func value(of name: FieldName) -> Range<Int>? {
        guard has(name) else { return nil }
        let place = places[Int(name.rawValue)]
        return Int(place.start)..<Int(place.end)
    }

    /// Takes one line; those nobody looks at fall through.
    @inline(__always) func record(_ line: FieldLineParser, _ bytes: Span<UInt8>) {
        guard let field = FieldName(bytes.extracting(line.name)) else { return }
        let value = line.value(in: bytes)
        let bit: UInt32 = 1 << UInt32(field.rawValue)
        if present & bit == 0 {
            present |= bit
            places[Int(field.rawValue)] = Place(
                start: UInt32(truncatingIfNeeded: value.lowerBound), end: UInt32(truncatingIfNeeded: value.upperBound))
        } else {
            repeated |= bit
        }
        switch field {
        case .connection, .upgrade, .expect: interpret(field, bytes.extracting(value))
        default: break
        }
    }

    /// Lists may go over several lines, so each line is interpreted as it comes.
    private func interpret(_ field: FieldName, _ value: Span<UInt8>) {
        if field == .expect {
            // Defined as a list, but with one member that exists (RFC 9110 §10.1.1).
            options.insert(value.isToken("100-continue") ? .expectsContinue : .unknownExpectation)
            return
        }
        var list = TokenList(value.count)
        while let element = list.next(value) {
            let token = value.extracting(element)
            if field == .upgrade {
                if token.isToken("websocket") { options.insert(.webSocket) }
            } else if token.isToken("close") {
                options.insert(.close)
            } else if token.isToken("keep-alive") {
                options.insert(.keepAlive)
            } else if token.isToken("upgrade") {
                options.insert(.upgrade)
            }
        }
    }
}

/// Walks over `#element`: elements between commas, blanks around them trimmed, empty ones passed over
/// (RFC 9110 §5.6.1). No quoted strings: for fields whose elements are tokens.
struct TokenList {
    private var position = 0
    private let end: Int

    init(_ count: Int) { end = count }

    mutating func next(_ value: Span<UInt8>) -> Range<Int>? {
        while position < end {
            var stop = position
            while stop < end, value[stop] != UInt8(ascii: ",") { stop += 1 }
            let element = value.trimmed(position..<stop)
            position = stop + 1
            if !element.isEmpty { return element }
        }
        return nil
    }
}
