import ArgumentParser
import Bench
import Glibc

/// Two reports side by side.
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Two reports (--json) side by side, the second in terms of the first.")

    @Argument(help: "A report.")
    var a: String

    @Argument(help: "Another one.")
    var b: String

    func run() throws {
        Outcome.say(Comparison.text(try report(a), try report(b)), STDOUT_FILENO)
    }

    private func report(_ path: String) throws -> Report {
        let json = try Outcome.load(path)
        do throws(ReportDecoder.Invalid) {
            return try ReportDecoder.report(json.span)
        } catch {
            throw ValidationError("\(path): \(error)")
        }
    }
}
