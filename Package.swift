// swift-tools-version: 6.2
// The arrows between the targets point one way only; Tests/TidyTests holds them (see README, "The tree").

import PackageDescription

/// Set by CI: a warning of the compiler fails the build there, but never a user's build with a newer compiler.
let warningsAreErrors = Context.environment["WARNINGS_AS_ERRORS"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableExperimentalFeature("Lifetimes"),
        // One thread owns each object (architecture: a reactor is born on its thread), which the compiler checks
        // statically; the dynamic check of class fields costs a third of the hot path. Debug and tests keep it.
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])

/// What a hole in C would meet: a stack that notices being written over, also where it grows by more than a page, and
/// calls of the C library that know the room they have. (Swift's own functions have the first by default.)
let hardenedC: [CSetting] = [
    .unsafeFlags(["-fstack-protector-strong", "-fstack-clash-protection"]),
    // Not without optimization: the library's headers would warn.
    .unsafeFlags(["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"], .when(configuration: .release)),
]

/// The addresses of library functions are bound at the start and read-only from then on, and the stack is no code. That
/// programs are position-independent is Swift's default; Tests/Integration/test_hardening.py looks at all of it.
let hardened: [LinkerSetting] = [
    .unsafeFlags(["relro", "now", "noexecstack"].flatMap { ["-Xlinker", "-z", "-Xlinker", $0] })
]

func module(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let package = Package(
    name: "score-gateway",
    products: [
        .executable(name: "score-gateway", targets: ["score-gateway"]),
        .executable(name: "score-bench", targets: ["score-bench"]),
        // For Benchmarks/, a package of its own.
        .library(name: "HotPaths", targets: ["HotPaths"]),
    ],
    dependencies: [
        // Exact: what was reviewed is what is built, today and in a year; .github/dependabot.yml brings newer ones.
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        // A command only: `swift package generate-documentation`.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", exact: "1.5.0"),
    ],
    targets: [
        // C doors: what Swift cannot import by itself.
        .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")] + hardenedC),
        .target(name: "CCurl", cSettings: hardenedC, linkerSettings: [.linkedLibrary("curl")]),
        .target(
            name: "COpenSSL", cSettings: hardenedC, linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Pure: values only; no sockets, no clock, no threads.
        module("Bytes"),
        module("JSON", ["Bytes"]),
        module("HTTP1", ["Bytes"]),
        module("WebSocket", ["Bytes", "COpenSSL", "CZlib"]),
        module("Scores", ["Bytes", "JSON"]),
        module("TLS", ["Bytes", "COpenSSL"]),

        // On a reactor: classes confined to the thread that made them.
        module("Reactor", ["TLS", "Bytes", "CLinux"]),
        module("HTTPServer", ["Reactor", "HTTP1", "WebSocket", "TLS", "Bytes"]),
        module("Postgres", ["Reactor", "Bytes", "CPostgres"]),
        module("SQLite", ["CSQLite"]),
        module("AMQP", ["Reactor", "TLS", "Bytes", "CRabbitMQ"]),
        module("HTTPClient", ["Reactor", "Bytes", "CCurl"]),

        // The one place that knows all names.
        module(
            "Gateway",
            [
                "HTTPServer", "HTTP1", "WebSocket", "TLS", "Postgres", "SQLite", "AMQP", "HTTPClient", "Scores",
                "JSON", "Reactor", "Bytes", "CLinux", "COpenSSL", .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "score-gateway",
            dependencies: ["Gateway", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings, linkerSettings: hardened),
        // The load tool: a second user of the reactor and of each codec, in the client's role.
        module(
            "Bench",
            [
                "Reactor", "HTTP1", "WebSocket", "TLS", "AMQP", "JSON", "Bytes", "CLinux",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ]),
        .executableTarget(
            name: "score-bench",
            dependencies: ["Bench", "AMQP", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings, linkerSettings: hardened),

        // Pieces of the gateway by themselves, for what counts instructions and measures time.
        module("HotPaths", ["Gateway", "Scores", "AMQP", "WebSocket", "HTTP1", "JSON", "Reactor", "Bytes"]),
        .executableTarget(name: "hot-paths", dependencies: ["HotPaths"], swiftSettings: settings),

        tests("BytesTests", ["Bytes"]),
        tests("JSONTests", ["JSON", "Bytes"]),
        tests("HTTP1Tests", ["HTTP1", "Bytes"]),
        tests("WebSocketTests", ["WebSocket", "Bytes"]),
        tests("ScoresTests", ["Scores", "JSON", "Bytes"]),
        tests("TLSTests", ["TLS", "Bytes"]),
        tests("ReactorTests", ["Reactor", "Bytes", "CLinux"]),
        tests(
            "HTTPServerTests",
            ["HTTPServer", "HTTP1", "WebSocket", "TLS", "Reactor", "Bytes", "CLinux", "COpenSSL"]),
        tests("PostgresTests", ["Postgres", "Gateway", "Reactor", "Bytes"]),
        tests("SQLiteTests", ["SQLite", "Bytes"]),
        tests("AMQPTests", ["AMQP", "Reactor", "Bytes"]),
        tests("HTTPClientTests", ["HTTPClient", "Reactor", "Bytes"]),
        tests(
            "GatewayTests",
            ["Gateway", "Scores", "WebSocket", "Bytes", .product(name: "Logging", package: "swift-log")]),
        tests("BenchTests", ["Bench", "JSON", "Bytes"]),
        tests("TidyTests", []),
    ]
)
