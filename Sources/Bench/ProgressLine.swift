/// One second of a run as one short line, for a terminal.
public enum ProgressLine {
    public static func text(_ moment: Report.Moment) -> String {
        var parts = ["\(moment.second) s \(name(moment.phase))"]
        if moment.subscribers > 0 { parts.append("\(Figure.count(Double(moment.subscribers))) subscribers") }
        if moment.answers > 0 { parts.append("\(Figure.count(Double(moment.answers))) answers/s") }
        if let p99 = moment.answerP99 { parts.append("p99 \(Figure.nanoseconds(Double(p99)))") }
        if moment.deliveries > 0 { parts.append("\(Figure.count(Double(moment.deliveries))) deliveries/s") }
        if let p99 = moment.deliveryP99 { parts.append("p99 \(Figure.nanoseconds(Double(p99)))") }
        if let cpu = moment.serverCPU { parts.append("server \(Figure.decimal(cpu * 100, digits: 0)) %") }
        if let memory = moment.serverMemory { parts.append(Figure.bytes(Double(memory))) }
        if moment.failures > 0 { parts.append("\(Figure.count(Double(moment.failures))) failures") }
        return parts.joined(separator: " · ")
    }

    private static func name(_ phase: Report.Moment.Phase) -> String {
        switch phase {
        case .connecting: "connecting"
        case .warmUp: "warming up"
        case .measuring: "measuring"
        case .settling: "settling"
        }
    }
}
