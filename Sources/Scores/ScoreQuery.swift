import Bytes
import JSON

/// What `GET /scores` asks for: `?limit= &after= &before= &user= &order=`. Equal queries can share one answer.
public struct ScoreQuery: Hashable, Sendable {
    public enum Order: Hashable, Sendable {
        /// By id, the oldest first: the default.
        case ascending
        case descending
    }

    /// At most so many scores, 1…1,000,000; nil: all.
    public var limit: Int64?
    /// Only ids above this one.
    public var after: Int64?
    /// Only ids below this one.
    public var before: Int64?
    /// Only scores of this user, exactly: UTF-8.
    public var user: [UInt8]?
    public var order = Order.ascending

    public init() {}
}

/// Takes the parameters of a target one by one, percent-decoded, and judges them. Unknown ones are ignored.
public struct ScoreQueryParser {
    private var query = ScoreQuery()
    /// One bit a parameter that was given.
    private var seen: UInt8 = 0
    private var faults: [Problem.Fault] = []

    private enum Parameter: UInt8 {
        case limit, after, before, user, order
    }

    public init() {}

    public mutating func take(name: Span<UInt8>, value: Span<UInt8>) {
        guard let parameter = Self.parameter(name) else { return }
        let bit: UInt8 = 1 << parameter.rawValue
        guard seen & bit == 0 else {
            fault(parameter, "given twice", type: "duplicate_parameter")
            return
        }
        seen |= bit
        switch parameter {
        case .limit:
            query.limit = value.decimalValue
            if query.limit.map(ScoreLimits.queryLimit.contains) != true {
                let range = ScoreLimits.queryLimit
                fault(
                    parameter, "expected an integer from \(range.lowerBound) to \(range.upperBound)",
                    type: "int_parsing")
            }
        case .after:
            query.after = id(value, parameter)
        case .before:
            query.before = id(value, parameter)
        case .user:
            takeUser(value)
        case .order:
            if value.equals("desc") {
                query.order = .descending
            } else if !value.equals("asc") {
                fault(parameter, "expected asc or desc", type: "literal_error")
            }
        }
    }

    /// - Throws: status 422 naming every parameter that is wrong or given twice.
    public consuming func finish() throws(Problem) -> ScoreQuery {
        guard faults.isEmpty else { throw Problem(unprocessable: faults) }
        return query
    }

    private static func parameter(_ name: Span<UInt8>) -> Parameter? {
        if name.equals("limit") { return .limit }
        if name.equals("after") { return .after }
        if name.equals("before") { return .before }
        if name.equals("user") { return .user }
        if name.equals("order") { return .order }
        return nil
    }

    private mutating func id(_ value: Span<UInt8>, _ parameter: Parameter) -> Int64? {
        let id = value.decimalValue
        if id == nil { fault(parameter, "expected an integer from 0 to \(Int64.max)", type: "int_parsing") }
        return id
    }

    private mutating func takeUser(_ value: Span<UInt8>) {
        // An empty name is no fault here: the replaced service stored such, and they can be looked for.
        guard let characters = value.utf8CharacterCount, value.firstIndex(of: 0) == nil else {
            fault(.user, "expected UTF-8 text without U+0000", type: "string_unicode")
            return
        }
        guard characters <= ScoreLimits.userCharacters else {
            fault(.user, "expected at most \(ScoreLimits.userCharacters) characters", type: "string_too_long")
            return
        }
        query.user = value.copied
    }

    private mutating func fault(_ parameter: Parameter, _ message: String, type: String) {
        faults.append(Problem.Fault(["query", .name("\(parameter)")], message, type: type))
    }
}
