import Bytes
import CCurl

/// The Retry-After field (RFC 9110 section 10.2.3): seconds, or an HTTP date in any of its three forms (5.6.7).
public enum RetryAfter {
    /// - Parameters:
    ///   - value: the field's value.
    ///   - now: seconds since the Unix epoch.
    /// - Returns: how long to wait from `now`, at most `Limits.retryAfter`; zero for a date that has passed; nil for
    ///   what is neither.
    public static func parse(_ value: Span<UInt8>, now: Int64) -> Duration? {
        if isAllDigits(value) {
            // More digits than fit into 64 bits are a long time all the same.
            return min(.seconds(value.decimalValue ?? .max), Limits.retryAfter)
        }
        guard let date = date(value) else { return nil }
        let (wait, overflow) = date.subtractingReportingOverflow(now)
        return overflow || wait < 0 ? .zero : min(.seconds(wait), Limits.retryAfter)
    }

    private static func isAllDigits(_ value: Span<UInt8>) -> Bool {
        for index in 0..<value.count where value[index] &- 0x30 > 9 { return false }
        return value.count > 0
    }

    /// All three forms begin with the name of a day; libcurl's parser would take much more for a date ("1.5").
    private static func date(_ value: Span<UInt8>) -> Int64? {
        guard value.count >= 24, value.count <= 40 else { return nil }
        switch value.extracting(0..<3).text {
        case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun": break
        default: return nil
        }
        let date = curl_getdate(value.text, nil)
        return date == -1 ? nil : Int64(date)
    }
}
