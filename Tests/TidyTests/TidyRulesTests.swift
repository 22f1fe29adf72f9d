import Testing

/// Each rule fails on a text that breaks it, and only on that.
@Suite("Tidy rules")
struct TidyRulesTests {
    private func file(_ path: String, _ text: String = "") -> SourceFile {
        SourceFile(path: "Sources/\(path)", text: text)
    }

    @Test(
        "an import against the arrows is found",
        arguments: [
            ("JSON/JSONParser.swift", "import Glibc", "JSON may not import Glibc"),
            ("HTTP1/RequestParser.swift", "import Bytes\n@testable import Reactor", "HTTP1 may not import Reactor"),
            ("Postgres/PostgresClient.swift", "import AMQP", "Postgres may not import AMQP"),
            ("Gateway/Log/Log.swift", "  public import Foundation", "Gateway may not import Foundation"),
            ("Scores/Score.swift", "import struct HTTP1.Header", "Scores may not import HTTP1"),
            ("Reactor/Reactor.swift", "internal import func Dispatch.dispatchMain", "Reactor may not import Dispatch"),
            ("Bytes/A.swift", "@_exported import COpenSSL", "Bytes may not import COpenSSL"),
        ])
    func arrowAgainst(path: String, text: String, complaint: String) {
        let found = TidyRules.arrows(file(path, text))
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix(complaint) == true)
    }

    @Test("an import along the arrows, or in a comment or a text, is none")
    func arrowAlong() {
        let text = """
            import Bytes
            import COpenSSL
            // import Foundation
            /* import Glibc /* nested */ import Reactor */
            let page = \"""
                import Foundation
                \"""
            """
        #expect(TidyRules.arrows(file("WebSocket/Handshake.swift", text)) == [])
    }

    @Test("a target without arrows is found")
    func newTarget() {
        #expect(TidyRules.arrows(file("Redis/Client.swift", "import Bytes")).count == 1)
    }

    @Test("a protocol's state that knows the reactor is found")
    func pureState() {
        #expect(TidyRules.pureStates(file("AMQP/ConfirmWindow.swift", "import Bytes\nimport Reactor")).count == 1)
        #expect(TidyRules.pureStates(file("Postgres/PipelineQueue.swift", "import Reactor")).count == 1)
        #expect(TidyRules.pureStates(file("AMQP/AMQPConnection.swift", "import Reactor")) == [])
        #expect(TidyRules.pureStates(file("AMQP/AMQPSession.swift", "import CRabbitMQ")) == [])
    }

    @Test(
        "a banned word is found, with what to do instead",
        arguments: [
            "    print(score)",
            "print(\"a // b\")",
            "let x = try! parse()",
            "default: fatalError()",
            "final class Hub: @unchecked Sendable {}",
            "nonisolated(unsafe) var count = 0",
            "// TODO: later",
            "let a = 1  // FIXME",
        ])
    func bannedWord(line: String) {
        let found = TidyRules.bannedWords(file("Gateway/Hub.swift", "import Bytes\n\(line)\n"))
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("Sources/Gateway/Hub.swift:2: `") == true)
    }

    @Test(
        "a word that only looks like one is none",
        arguments: [
            "blueprint(score)",
            "page.print(score)",
            "// never print(score) here",
            #"let text = "print(score)""#,
            ##"let text = #"a " print(score)"#"##,
            #"let quote = "\""; let text = "try!""#,
            #"fatalError("a ticket of no worker")"#,
        ])
    func harmlessWord(line: String) {
        #expect(TidyRules.bannedWords(file("Gateway/Hub.swift", line)) == [])
    }

    @Test("code goes on after a literal and after a comment")
    func afterLiterals() {
        let text = "let a = \"\"\"\n    print(1)\n    \"\"\"\n/* print(2) */ print(3)\n"
        let found = TidyRules.bannedWords(file("Gateway/Hub.swift", text))
        #expect(found.count == 1)
        #expect(found.first?.contains(":4:") == true)
    }

    @Test("a file that is too long is found")
    func length() {
        let longest = String(repeating: "\n", count: TidyRules.longestFile)
        #expect(TidyRules.length(file("JSON/JSON.swift", longest)) == [])
        #expect(TidyRules.length(file("JSON/JSON.swift", longest + "\n")).count == 1)
        #expect(TidyRules.length(file("JSON/JSON.swift", longest + "}")).count == 1)
    }

    @Test(
        "a name that names nothing is found",
        arguments: ["Utils.swift", "StringUtils.swift", "FeedManager.swift", "PageHelper.swift", "StoreImpl.swift"])
    func emptyName(name: String) {
        #expect(TidyRules.fileName(file("Gateway/\(name)")).count == 1)
    }

    @Test("a name of a noun is none", arguments: ["Score.swift", "FeedHub.swift", "Implicit.swift"])
    func noun(name: String) {
        #expect(TidyRules.fileName(file("Gateway/\(name)")) == [])
    }
}
