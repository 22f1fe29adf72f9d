import ArgumentParser
import Bench
import Glibc

/// Carries a plan out and tells what came of it.
enum Outcome {
    /// To the line's beginning, and clears it (ECMA-48).
    private static let clear = "\r\u{1B}[K"

    static func of(_ plan: LoadPlan, _ options: RunOptions) throws {
        let expectations = try options.expectations()
        for expectation in expectations {
            do throws(Expectation.Invalid) {
                try expectation.check(plan)
            } catch {
                throw ValidationError("--expect: \(error)")
            }
        }
        var json = try options.json.map { try OutputFile($0) }
        var html = try options.html.map { try OutputFile($0) }
        let isShown = !options.quiet && isatty(STDERR_FILENO) == 1
        let show: @Sendable (Report.Moment) -> Void = { say(clear + ProgressLine.text($0), STDERR_FILENO) }
        let report: Report
        do throws(LoadFailure) {
            report = try plan.run(progress: isShown ? show : nil)
        } catch {
            say("\(isShown ? clear : "")score-bench: \(error)\n", STDERR_FILENO)
            throw ArgumentParser.ExitCode(EX_UNAVAILABLE)
        }
        if isShown { say(clear, STDERR_FILENO) }
        say(ReportTable.text(report), STDOUT_FILENO)
        let verdicts = expectations.map { $0.verdict(of: report) }
        for verdict in verdicts { say("\(verdict.isMet ? "✓" : "✗") \(verdict.text)\n", STDOUT_FILENO) }
        var troubles: [String] = []
        if let trouble = json?.replace(with: ReportEncoder.json(report)) { troubles.append(trouble) }
        if let trouble = html?.replace(with: Array(ReportPage.html(report).utf8)) { troubles.append(trouble) }
        for trouble in troubles { say("score-bench: \(trouble)\n", STDERR_FILENO) }
        if !report.hasMeasuredAnything {
            say("score-bench: nothing was \(report.isOfFeed ? "delivered" : "answered")\n", STDERR_FILENO)
            throw ArgumentParser.ExitCode(EX_UNAVAILABLE)
        }
        if !verdicts.allSatisfy(\.isMet) { throw ArgumentParser.ExitCode.failure }
        if !troubles.isEmpty { throw ArgumentParser.ExitCode(EX_IOERR) }
    }

    static func load(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &part, part.count)
            guard count >= 0 else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += part[..<count]
        }
    }

    static func say(_ text: String, _ descriptor: Int32) {
        _ = write(Array(text.utf8), descriptor)
    }

    static func write(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }
}
