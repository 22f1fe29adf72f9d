import Scores

/// `Link: <…>; rel="next"` of an answer that `limit` cut (RFC 8288).
enum ScoreLink {
    /// - Parameter lastID: of the last score in the answer.
    static func next(_ query: ScoreQuery, _ lastID: Int64?) -> String? {
        guard let limit = query.limit, let lastID else { return nil }
        var parameters = ["limit=\(limit)"]
        switch query.order {
        case .ascending:
            parameters.append("after=\(lastID)")
            if let before = query.before { parameters.append("before=\(before)") }
        case .descending:
            parameters.append("order=desc")
            parameters.append("before=\(lastID)")
            if let after = query.after { parameters.append("after=\(after)") }
        }
        if let user = query.user { parameters.append("user=\(percentEncoded(user))") }
        return "</scores?\(parameters.joined(separator: "&"))>; rel=\"next\""
    }

    /// All but the unreserved characters (RFC 3986 section 2.3).
    private static func percentEncoded(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hexadecimal = String(byte, radix: 16, uppercase: true)
                text += byte < 16 ? "%0\(hexadecimal)" : "%\(hexadecimal)"
            }
        }
        return text
    }
}
