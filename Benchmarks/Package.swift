// swift-tools-version: 6.2
// Times of the hot paths by themselves; a package of its own, so that nobody who builds the gateway builds this too.
//
//     swift package --package-path Benchmarks benchmark

import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "score-gateway", path: ".."),
        // Exact, as in ../Package.swift. Without its interposers: their packages are not needed for times.
        .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "HotPathBenchmarks",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "HotPaths", package: "score-gateway"),
            ],
            path: "Benchmarks/HotPathBenchmarks",
            swiftSettings: [.swiftLanguageMode(.v6)],
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ]
)
