import Glibc
import Testing

@testable import Gateway

@Suite struct ConfigurationHelpTests {
    @Test func helpNamesEveryVariableAndItsDefault() {
        let lines = Help.discussion.split(separator: "\n")
        for variable in Variable.allCases {
            let line = lines.first { $0.hasPrefix("  \(variable.name)") }
            #expect(line != nil, "\(variable.name)")
            #expect(
                line?.contains(variable.specification.defaultText) == true || variable.specification.defaultText.isEmpty
            )
            #expect(Help.markdown.contains("| `\(variable.name)` |"))
        }
        for line in lines { #expect(line.count <= 78, "\(line)") }
    }

    @Test func everyDefaultIsWithinItsLimits() throws {
        // With the defaults written out as if somebody had set them.
        var environment = Fixture.urls
        for variable in Variable.allCases {
            switch variable.specification.defaultText {
            case "", Variable.usableCores, Variable.fifthOfShutdown: break
            case let text: environment[variable.name] = text
            }
        }
        #expect(Fixture.problems(environment).isEmpty)
    }

    @Test func theLoadToolHasTheSameVersion() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let source = try TextFile.read("\(root)/Sources/score-bench/ScoreBench.swift")
        #expect(source.contains("version: \"score-bench \(Version.text)\""))
    }
}

@Suite struct ConfigurationQuantityTests {
    @Test(arguments: [
        ("0", 0), ("1023", 1023), ("1k", 1024), ("1Ki", 1024), ("2KiB", 2048), ("1MiB", 1 << 20), ("3m", 3 << 20),
        ("1G", 1 << 30), ("1gib", 1 << 30), ("5B", 5),
    ])
    func bytes(text: String, expected: Int) {
        #expect(Quantity.bytes(text) == expected)
    }

    @Test(arguments: ["", "K", "1kB", "1 K", "1.5K", "-1", "+1", "1T", "9223372036854775807G", "0x10", "１"])
    func noBytes(text: String) {
        #expect(Quantity.bytes(text) == nil)
    }

    @Test(arguments: [
        ("0", 0), ("15", 15_000), ("15s", 15_000), ("500ms", 500), ("1.5", 1500), ("0.25s", 250), ("2m", 120_000),
        ("0.5m", 30_000), ("1.005", 1005), ("0.5ms", 0),
    ])
    func durations(text: String, milliseconds: Int) {
        #expect(Quantity.duration(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "s", "1h", "-1", "1.", ".1", "1.2.3", "1.2345", "1 s", "99999999999999999999", "9999999999999m", "１",
    ])
    func noDurations(text: String) {
        #expect(Quantity.duration(text) == nil)
    }

    @Test func shownInTheLargestUnit() {
        #expect(Quantity.text(bytes: 1 << 20) == "1MiB")
        #expect(Quantity.text(bytes: 1536) == "1536")
        #expect(Quantity.text(bytes: 0) == "0")
        #expect(Quantity.text(.seconds(90)) == "90s")
        #expect(Quantity.text(.milliseconds(1500)) == "1500ms")
    }
}

@Suite struct ConfigurationFileTests {
    private func inFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/score-gateway-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        try body(path)
    }

    @Test func textIsReadWhole() throws {
        let text = String(repeating: "é", count: 5000)
        try inFile(Array(text.utf8)) { path in
            let read = try TextFile.read(path)
            #expect(read == text)
        }
    }

    @Test func whatIsRefused() throws {
        try inFile([0x61, 0xff]) { path in #expect(throws: TextFile.Failure.notText) { try TextFile.read(path) } }
        try inFile([0x61, 0]) { path in #expect(throws: TextFile.Failure.notText) { try TextFile.read(path) } }
        try inFile([UInt8](repeating: 0x61, count: 65_537)) { path in
            #expect(throws: TextFile.Failure.tooLarge) { try TextFile.read(path) }
        }
        #expect(throws: TextFile.Failure.system(EISDIR)) { try TextFile.read("/tmp") }
        #expect(throws: TextFile.Failure.system(ENOENT)) { try TextFile.read("/nonexistent") }
    }

    @Test func dotEnvFile() throws {
        #expect(try ConfigurationSource.dotEnv(at: "/nonexistent/.env").isEmpty)
        try inFile(Array("A=1\nB='x\n".utf8)) { path in
            #expect(throws: ConfigurationError([.init("\(path):2", "expected a closing ' on the same line")])) {
                try ConfigurationSource.dotEnv(at: path)
            }
        }
        #expect(throws: ConfigurationError([.init("/tmp", "cannot be read: Is a directory")])) {
            try ConfigurationSource.dotEnv(at: "/tmp")
        }
    }
}
