import Benchmark
import HotPaths

/// Times, for whoever works on one of them: compare two runs made one after the other, not two days. What must not grow
/// unseen is counted instead (`Benchmarks/thresholds`).
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput], timeUnits: .nanoseconds, scalingFactor: .kilo,
        maxDuration: .seconds(1), maxIterations: 1000)
    for path in HotPath.all {
        // The name of a benchmark is also a file's: it may not hold a slash, and none does.
        Benchmark(path.name) { benchmark in
            blackHole(path.run(benchmark.scaledIterations.count))
        }
    }
}
