import ArgumentParser
import Bench
import Glibc

/// Carries a plan out and tells what came of it.
enum Outcome {
    /// To the line's beginning, and clears it (ECMA-48).
    private static let clear = "\r\u{1B}[K"

    static func of(_ plan: LoadPlan, _ options: RunOptions) throws {
        let expectations = try options.expectations()
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
        if let path = options.json { try save(ReportEncoder.json(report), path) }
        if let path = options.html { try save(Array(ReportPage.html(report).utf8), path) }
        if !report.hasMeasuredAnything {
            say("score-bench: nothing was answered or delivered\n", STDERR_FILENO)
            throw ArgumentParser.ExitCode(EX_UNAVAILABLE)
        }
        try judge(report, by: expectations)
    }

    private static func judge(_ report: Report, by expectations: [Expectation]) throws {
        var isMet = true
        for expectation in expectations {
            let verdict: Expectation.Verdict
            do throws(Expectation.Invalid) {
                verdict = try expectation.verdict(of: report)
            } catch {
                throw ValidationError("--expect: \(error)")
            }
            say("\(verdict.isMet ? "✓" : "✗") \(verdict.text)\n", STDOUT_FILENO)
            isMet = isMet && verdict.isMet
        }
        if !isMet { throw ArgumentParser.ExitCode.failure }
    }

    /// Writes all of it, or says why not.
    static func save(_ bytes: [UInt8], _ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0, write(bytes, descriptor), close(descriptor) == 0 else {
            throw ValidationError("\(path): \(String(cString: strerror(errno)))")
        }
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

    private static func write(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }
}
