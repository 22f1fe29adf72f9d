import Foundation
import Testing

@testable import Gateway

@Suite struct ReadmeTests {
    @Test func itsTableOfVariablesIsTheProgramsOwn() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        #expect(
            readme.contains(Help.markdown),
            "README.md, \"Every variable\": put the output of `score-gateway config --markdown` there")
    }

    @Test func itsLinksLeadSomewhere() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let links = readme.matches(of: #/\]\(((?:Sources|Tests|deploy|LICENSE)[^)]*)\)/#).map { String($0.1) }
        #expect(links.count > 20)
        for link in links {
            let isThere = FileManager.default.fileExists(atPath: root.appendingPathComponent(link).path)
            #expect(isThere, "\(link) is not there")
        }
    }
}
