import Glibc
import HotPaths

// hot-paths                     names all of them, one a line: its number, its unit, its name
// hot-paths NUMBER COUNT        does that one so often, and nothing else
//
// For tools that count from outside: `Benchmarks/thresholds`.

let arguments = CommandLine.arguments.dropFirst().map { Int($0) ?? -1 }
if arguments.isEmpty {
    for (number, path) in HotPath.all.enumerated() { puts("\(number)\t\(path.unit)\t\(path.name)") }
} else {
    guard arguments.count == 2, HotPath.all.indices.contains(arguments[0]), arguments[1] >= 0 else {
        let usage: StaticString = "usage: hot-paths [NUMBER COUNT]\n"
        _ = write(STDERR_FILENO, usage.utf8Start, usage.utf8CodeUnitCount)
        exit(64)
    }
    puts("\(HotPath.all[arguments[0]].run(arguments[1]))")
}
