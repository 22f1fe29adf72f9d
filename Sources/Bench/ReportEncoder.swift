import Bytes
import JSON

/// The report as JSON (RFC 8259), one member a line where that helps: `ReportDecoder` reads it back.
public enum ReportEncoder {
    /// Of the form; a reader refuses what it does not know.
    static let version = 1

    public static func json(_ report: Report) -> [UInt8] {
        var writer = Writer()
        writer.object {
            $0.member("score_bench", Double(version))
            $0.member("scenario", report.scenario)
            $0.member("target", report.target)
            $0.member("started_at", Double(report.startedAt))
            $0.member("seconds", report.seconds)
            $0.member("cut_short", report.isCutShort)
            $0.name("settings")
            $0.array(report.settings) { writer, setting in
                writer.object {
                    $0.member("name", setting.name)
                    $0.member("value", setting.value)
                }
            }
            $0.name("machine")
            $0.object {
                $0.member("processor", report.machine.processor)
                $0.member("cores", Double(report.machine.cores))
                $0.member("kernel", report.machine.kernel)
            }
            $0.name("metrics")
            $0.array(report.metrics) { writer, metric in
                writer.object {
                    $0.member("name", metric.name)
                    $0.member("title", metric.title)
                    $0.member("value", metric.value)
                    $0.member("unit", metric.unit.rawValue)
                    $0.member("better", metric.better.rawValue)
                }
            }
            $0.name("latencies")
            $0.array(report.latencies) { $0.append($1) }
            $0.name("timeline")
            $0.array(report.timeline) { $0.append($1) }
            $0.name("warnings")
            $0.array(report.warnings) { $0.value($1) }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// Writes values with commas where they belong.
    struct Writer {
        private(set) var bytes: [UInt8] = []
        private var needsComma = false

        mutating func value(_ text: String) {
            comma()
            var output = ByteBuffer()
            output.append(jsonString: text)
            output.withUnsafeBytes { bytes += $0 }
        }

        /// Numbers that JSON has not (none, endless) become null.
        mutating func value(_ number: Double) {
            comma()
            guard number.isFinite else {
                bytes += "null".utf8
                return
            }
            let isWhole = number == number.rounded() && number.magnitude < 9e15
            bytes += (isWhole ? "\(Int64(number))" : "\(number)").utf8
        }

        mutating func value(_ flag: Bool) {
            comma()
            bytes += (flag ? "true" : "false").utf8
        }

        mutating func name(_ name: String) {
            value(name)
            bytes.append(UInt8(ascii: ":"))
            needsComma = false
        }

        mutating func member(_ name: String, _ text: String) {
            self.name(name)
            value(text)
        }

        mutating func member(_ name: String, _ number: Double?) {
            guard let number else { return }
            self.name(name)
            value(number)
        }

        mutating func member(_ name: String, _ flag: Bool) {
            self.name(name)
            value(flag)
        }

        mutating func object(_ members: (inout Writer) -> Void) {
            comma()
            bytes.append(UInt8(ascii: "{"))
            needsComma = false
            members(&self)
            bytes.append(UInt8(ascii: "}"))
            needsComma = true
        }

        mutating func array<Element>(_ elements: [Element], _ element: (inout Writer, Element) -> Void) {
            comma()
            bytes.append(UInt8(ascii: "["))
            needsComma = false
            for next in elements { element(&self, next) }
            bytes.append(UInt8(ascii: "]"))
            needsComma = true
        }

        private mutating func comma() {
            if needsComma { bytes += ",\n".utf8 }
            needsComma = true
        }
    }
}

extension ReportEncoder.Writer {
    mutating func append(_ latency: Report.Latency) {
        object {
            $0.member("name", latency.name)
            $0.member("count", Double(latency.count))
            $0.member("mean", latency.mean)
            $0.member("min", Double(latency.min))
            $0.member("max", Double(latency.max))
            $0.name("percentiles")
            $0.append(latency.percentiles)
            $0.name("curve")
            $0.append(latency.curve)
            $0.member("unanswered", Double(latency.unanswered))
        }
    }

    /// Each point as `[percentile, nanoseconds]`.
    private mutating func append(_ points: [Report.Latency.Point]) {
        array(points) { writer, point in
            writer.array([point.percentile, Double(point.nanoseconds)]) { $0.value($1) }
        }
    }

    mutating func append(_ moment: Report.Moment) {
        object {
            $0.member("second", Double(moment.second))
            $0.member("phase", moment.phase.rawValue)
            $0.member("answers", Double(moment.answers))
            $0.member("scores", Double(moment.scores))
            $0.member("deliveries", Double(moment.deliveries))
            $0.member("failures", Double(moment.failures))
            $0.member("subscribers", Double(moment.subscribers))
            $0.member("answer_p50", moment.answerP50.map { Double($0) })
            $0.member("answer_p99", moment.answerP99.map { Double($0) })
            $0.member("delivery_p50", moment.deliveryP50.map { Double($0) })
            $0.member("delivery_p99", moment.deliveryP99.map { Double($0) })
            $0.member("server_cpu", moment.serverCPU)
            $0.member("server_memory", moment.serverMemory.map { Double($0) })
            $0.member("client_busy", moment.clientBusy)
        }
    }
}
