import Bytes

/// Media types of request bodies (RFC 9110 section 8.3).
enum MediaType {
    /// `application/json` or `…+json`, parameters ignored; and `application/x-www-form-urlencoded`, which `curl -d` says
    /// of everything it sends: whether the body is JSON is seen when it is parsed.
    static func mayBeJSON(_ field: Span<UInt8>) -> Bool {
        let type = essence(field)
        if type.equalsIgnoringCase("application/x-www-form-urlencoded") { return true }
        if type.equalsIgnoringCase("application/json") { return true }
        return type.count > 5 && type.extracting(droppingFirst: type.count - 5).equalsIgnoringCase("+json")
    }

    /// `application/x-ndjson`: one JSON value a line, parameters ignored.
    static func isNDJSON(_ field: Span<UInt8>) -> Bool {
        essence(field).equalsIgnoringCase("application/x-ndjson")
    }

    @_lifetime(copy field)
    private static func essence(_ field: Span<UInt8>) -> Span<UInt8> {
        var end = field.firstIndex(of: UInt8(ascii: ";")) ?? field.count
        while end > 0, field[end - 1] == 0x20 || field[end - 1] == 0x09 { end -= 1 }
        return field.extracting(0..<end)
    }
}
