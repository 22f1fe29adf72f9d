import ArgumentParser
import Bench
import Glibc

enum Outcome {
    static func of(_ plan: LoadPlan, _ options: RunOptions) throws {
        let report: Report
        do throws(LoadFailure) {
            report = try plan.run()
        } catch {
            say("score-bench: \(error)\n", 2)
            throw ExitCode(69)
        }
        for metric in report.metrics { say("\(metric.title): \(metric.value) \(metric.unit)\n", 1) }
        for latency in report.latencies {
            say("\(latency.name) \(latency.percentiles.map { "p\($0.percentile) \(Double($0.nanoseconds)/1e6)" })\n", 1)
        }
        for w in report.warnings { say("! \(w)\n", 1) }
    }
    static func say(_ text: String, _ d: Int32) {
        var text = text
        text.withUTF8 { _ = write(d, $0.baseAddress, $0.count) }
    }
}
