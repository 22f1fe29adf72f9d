import Bytes
import JSON

/// Reads what `ReportEncoder` wrote. Members it does not know are passed over; those it needs must be there.
public enum ReportDecoder {
    public struct Invalid: Error, Equatable, CustomStringConvertible {
        public let description: String
    }

    /// - Throws: `Invalid`, which names what is missing or wrong.
    public static func report(_ json: Span<UInt8>) throws(Invalid) -> Report {
        let root: Tree
        var reader = JSONReader(json)
        do throws(JSONError) {
            root = try Tree(&reader, json, depth: 0)
            try reader.end()
        } catch {
            throw Invalid(description: "no JSON: \(error)")
        }
        let version = try root.number("score_bench")
        guard version == Double(ReportEncoder.version) else {
            throw Invalid(
                description: "a report of form \(Figure.decimal(version, digits: 0)), which is not known here")
        }
        return try Report(root)
    }

    /// A JSON value, as a tree: a report is read once, by a person's command.
    indirect enum Tree {
        case object([(name: String, value: Tree)])
        case array([Tree])
        case string(String)
        case number(Double)
        case boolean(Bool)
        case null

        /// The deepest that a report goes is far below it.
        static let depthMost = 16

        init(_ reader: inout JSONReader, _ json: Span<UInt8>, depth: Int) throws(JSONError) {
            let start = reader.position
            let value = try reader.value()
            guard depth < Self.depthMost else {
                try reader.skip(value)
                self = .null
                return
            }
            switch value {
            case .object:
                var members: [(name: String, value: Tree)] = []
                while let name = try reader.member() {
                    let text = try Self.text(name, json)
                    members.append((text, try Tree(&reader, json, depth: depth + 1)))
                }
                self = .object(members)
            case .array:
                var elements: [Tree] = []
                while try reader.element() { elements.append(try Tree(&reader, json, depth: depth + 1)) }
                self = .array(elements)
            case .string(let string): self = .string(try Self.text(string, json))
            case .number(.integer(let integer)): self = .number(Double(integer))
            case .number:
                let bytes = json.extracting(start..<reader.position)
                let text = bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                self = .number(Double(text.filter { !" \t\r\n".contains($0) }) ?? .nan)
            case .boolean(let flag): self = .boolean(flag)
            case .null: self = .null
            }
        }

        private static func text(_ string: JSONString, _ json: Span<UInt8>) throws(JSONError) -> String {
            var bytes: [UInt8] = []
            try string.decode(from: json, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }

        subscript(_ name: String) -> Tree? {
            guard case .object(let members) = self else { return nil }
            return members.first { $0.name == name }?.value
        }

        func string(_ name: String) throws(Invalid) -> String {
            guard case .string(let text) = self[name] else { throw Invalid(description: "\(name): expected a string") }
            return text
        }

        func number(_ name: String) throws(Invalid) -> Double {
            guard let number = optionalNumber(name) else { throw Invalid(description: "\(name): expected a number") }
            return number
        }

        func optionalNumber(_ name: String) -> Double? {
            guard case .number(let number) = self[name], number.isFinite else { return nil }
            return number
        }

        /// A whole number from zero to 2^53.
        func whole(_ name: String) throws(Invalid) -> Int {
            let number = try number(name)
            guard number >= 0, number <= 9_007_199_254_740_992, number == number.rounded() else {
                throw Invalid(description: "\(name): expected a whole number")
            }
            return Int(number)
        }

        func optionalWhole(_ name: String) throws(Invalid) -> Int? {
            optionalNumber(name) == nil ? nil : try whole(name)
        }

        func array(_ name: String) throws(Invalid) -> [Tree] {
            guard case .array(let elements) = self[name] else {
                throw Invalid(description: "\(name): expected an array")
            }
            return elements
        }

        func choice<Choice: RawRepresentable<String>>(_ name: String) throws(Invalid) -> Choice {
            let text = try string(name)
            guard let choice = Choice(rawValue: text) else {
                throw Invalid(description: "\(name): '\(text)' is not known here")
            }
            return choice
        }
    }
}

extension Report {
    fileprivate init(_ tree: ReportDecoder.Tree) throws(ReportDecoder.Invalid) {
        var settings: [Setting] = []
        for next in try tree.array("settings") {
            settings.append(Setting(try next.string("name"), try next.string("value")))
        }
        guard let machine = tree["machine"] else { throw ReportDecoder.Invalid(description: "machine: is missing") }
        var metrics: [Metric] = []
        for next in try tree.array("metrics") {
            // What cannot be a number in JSON was written as null.
            metrics.append(
                Metric(
                    try next.string("name"), try next.string("title"), next.optionalNumber("value") ?? .nan,
                    try next.choice("unit"), better: try next.choice("better")))
        }
        var latencies: [Latency] = []
        for next in try tree.array("latencies") { latencies.append(try Latency(next)) }
        var timeline: [Moment] = []
        for next in try tree.array("timeline") { timeline.append(try Moment(next)) }
        var warnings: [String] = []
        for next in try tree.array("warnings") {
            guard case .string(let text) = next else {
                throw ReportDecoder.Invalid(description: "warnings: expected strings")
            }
            warnings.append(text)
        }
        var isCutShort = false
        if case .boolean(let flag) = tree["cut_short"] { isCutShort = flag }
        self.init(
            scenario: try tree.string("scenario"), target: try tree.string("target"),
            startedAt: Int64(try tree.whole("started_at")), seconds: try tree.number("seconds"),
            isCutShort: isCutShort, settings: settings,
            machine: Machine(
                processor: try machine.string("processor"), cores: try machine.whole("cores"),
                kernel: try machine.string("kernel")),
            metrics: metrics, latencies: latencies, timeline: timeline, warnings: warnings)
    }
}

extension Report.Latency {
    fileprivate init(_ tree: ReportDecoder.Tree) throws(ReportDecoder.Invalid) {
        self.init(
            name: try tree.string("name"), count: UInt64(try tree.whole("count")), mean: try tree.number("mean"),
            min: UInt64(try tree.whole("min")), max: UInt64(try tree.whole("max")),
            percentiles: try Self.points(tree, "percentiles"), curve: try Self.points(tree, "curve"),
            // Reports of before it was counted are read too.
            unanswered: UInt64(try tree.optionalWhole("unanswered") ?? 0))
    }

    private static func points(_ tree: ReportDecoder.Tree, _ name: String) throws(ReportDecoder.Invalid) -> [Point] {
        var points: [Point] = []
        for next in try tree.array(name) {
            guard case .array(let pair) = next, pair.count == 2, case .number(let percentile) = pair[0],
                case .number(let nanoseconds) = pair[1], nanoseconds >= 0, nanoseconds < 9e15
            else {
                throw ReportDecoder.Invalid(description: "\(name): expected pairs of percentile and nanoseconds")
            }
            points.append(Point(percentile: percentile, nanoseconds: UInt64(nanoseconds)))
        }
        return points
    }
}

extension Report.Moment {
    fileprivate init(_ tree: ReportDecoder.Tree) throws(ReportDecoder.Invalid) {
        self.init(second: try tree.whole("second"), phase: try tree.choice("phase"))
        answers = try tree.whole("answers")
        scores = try tree.whole("scores")
        deliveries = try tree.whole("deliveries")
        failures = try tree.whole("failures")
        subscribers = try tree.whole("subscribers")
        answerP50 = try tree.optionalWhole("answer_p50").map { UInt64($0) }
        answerP99 = try tree.optionalWhole("answer_p99").map { UInt64($0) }
        deliveryP50 = try tree.optionalWhole("delivery_p50").map { UInt64($0) }
        deliveryP99 = try tree.optionalWhole("delivery_p99").map { UInt64($0) }
        serverCPU = tree.optionalNumber("server_cpu")
        serverMemory = try tree.optionalWhole("server_memory")
        clientBusy = try tree.number("client_busy")
    }
}
