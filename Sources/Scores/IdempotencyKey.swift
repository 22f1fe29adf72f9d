import Bytes

/// The value of the field `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a String of structured fields
/// (RFC 9651, section 3.3.3).
///
///     Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324"
///
/// The draft wants the quotes, many clients leave them out: without them the bytes are taken as they are, and name the
/// same key.
public enum IdempotencyKey {
    /// - Parameter value: the field's value without blanks around it.
    /// - Throws: 400 when it is no key.
    public static func parse(_ value: Span<UInt8>) throws(Problem) -> [UInt8] {
        let key = value.count > 0 && value[0] == UInt8(ascii: "\"") ? unquoted(value) : bare(value)
        guard let key, 1...ScoreLimits.idempotencyKeyBytes ~= key.count else {
            throw Problem(
                status: 400, title: "Bad Request",
                detail:
                    "Idempotency-Key: expected a string of 1 to \(ScoreLimits.idempotencyKeyBytes) printable ASCII characters"
            )
        }
        return key
    }

    private static func unquoted(_ value: Span<UInt8>) -> [UInt8]? {
        guard value.count >= 2, value[value.count - 1] == UInt8(ascii: "\"") else { return nil }
        var key: [UInt8] = []
        var index = 1
        while index < value.count - 1 {
            var byte = value[index]
            if byte == UInt8(ascii: "\\") {
                index += 1
                guard index < value.count - 1 else { return nil }
                byte = value[index]
                guard byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") else { return nil }
            } else if byte == UInt8(ascii: "\"") {
                return nil
            }
            guard 0x20...0x7E ~= byte else { return nil }
            key.append(byte)
            index += 1
        }
        return key
    }

    /// A key without quotes: no blank, quote or control character, and no list.
    private static func bare(_ value: Span<UInt8>) -> [UInt8]? {
        for index in value.indices {
            switch value[index] {
            case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\\"): return nil
            case 0x21...0x7E: continue
            default: return nil
            }
        }
        return value.copied
    }
}
