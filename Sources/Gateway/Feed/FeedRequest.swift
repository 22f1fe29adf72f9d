import Bytes
import HTTP1
import Scores

/// What a subscriber asks for: `/ws/{client_id}?history=N` or `?after=<id>`.
enum FeedRequest {
    /// An integer as the replaced reporter took it: `7`, `-5`, `0123`. The page sends `Date.now()`.
    static func isClientID(_ text: Span<UInt8>) -> Bool {
        let digits = text.count > 0 && text[0] == UInt8(ascii: "-") ? text.extracting(droppingFirst: 1) : text
        guard digits.count > 0, digits.count <= 19 else { return false }
        for index in digits.indices where digits[index] &- 0x30 > 9 { return false }
        return true
    }

    /// - Parameters:
    ///   - query: its range in `bytes`, or nil.
    ///   - history: how many of the newest scores are sent when nothing else is asked for.
    /// - Throws: 422 naming the parameter that is wrong, 400 for a broken escape.
    static func start(
        _ query: Range<Int>?, in bytes: Span<UInt8>, history: Int
    ) throws(Problem) -> FeedSubscription.Start {
        guard let query else { return .newest(history) }
        var start = FeedSubscription.Start.newest(history)
        var pairs = QueryParser(query)
        var scratch = ByteBuffer()
        while let pair = try next(&pairs, bytes, &scratch) {
            let name = scratch.bytes.extracting(pair.name)
            let value = scratch.bytes.extracting(pair.value).decimalValue
            if name.equals("after") {
                guard let id = value else { throw fault("after", "expected an integer from 0 to \(Int64.max)") }
                start = .after(id)
            } else if name.equals("history") {
                guard let number = value else { throw fault("history", "expected an integer from 0") }
                if case .newest = start { start = .newest(Int(number)) }
            }
        }
        return start
    }

    private static func next(
        _ pairs: inout QueryParser, _ bytes: Span<UInt8>, _ scratch: inout ByteBuffer
    ) throws(Problem) -> QueryParser.Pair? {
        do throws(HTTPError) {
            return try pairs.next(bytes, into: &scratch)
        } catch {
            throw Problem(status: 400, title: "Bad Request", detail: "\(error.reason)")
        }
    }

    private static func fault(_ name: String, _ message: String) -> Problem {
        Problem(unprocessable: [Problem.Fault(["query", .name(name)], message, type: "int_parsing")])
    }
}
