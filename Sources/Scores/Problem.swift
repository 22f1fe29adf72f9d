/// A request that cannot be served, and why: what RFC 9457 calls a problem. It is thrown by whatever judges a request.
public struct Problem: Error, Equatable, Sendable {
    /// One fault of the request, in the shape that users of FastAPI know.
    public struct Fault: Equatable, Sendable {
        /// The way to the faulty part, such as `["body", "score"]` or `["body", 17]`.
        public var location: [Place]
        /// For people.
        public var message: String
        /// For programs: `missing`, `int_type`, `string_too_long`, `json_invalid`, …
        public var type: String

        public init(_ location: [Place], _ message: String, type: String) {
            self.location = location
            self.message = message
            self.type = type
        }
    }

    public enum Place: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case name(String)
        case index(Int)

        public init(stringLiteral value: String) { self = .name(value) }
        public init(integerLiteral value: Int) { self = .index(value) }
    }

    /// The status to answer with.
    public var status: Int
    public var title: String
    public var detail: String
    public var faults: [Fault]

    public init(status: Int, title: String, detail: String, faults: [Fault] = []) {
        self.status = status
        self.title = title
        self.detail = detail
        self.faults = faults
    }

    /// 422, every fault named in the detail by the last name of its location.
    public init(unprocessable faults: [Fault]) {
        let detail = faults.map { fault in
            for case .name(let name) in fault.location.reversed() { return "\(name): \(fault.message)" }
            return fault.message
        }
        self.init(
            status: 422, title: "Unprocessable Content", detail: detail.joined(separator: "; "), faults: faults)
    }
}
