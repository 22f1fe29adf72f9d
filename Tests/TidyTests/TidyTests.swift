import Testing

/// Reads the source tree and holds its rules, so that they are kept and not hoped for.
@Suite("The tree")
struct TidyTests {
    @Test("keeps its arrows, its words, its lengths and its names")
    func sources() throws {
        let files = try SourceTree.files(below: "Sources")
        #expect(files.count > 20, "the tree was not found where this test looks: \(SourceTree.path)")
        let found = files.flatMap(TidyRules.all)
        #expect(found.isEmpty, "\n\(found.joined(separator: "\n"))")
    }

    @Test("has no test file of more lines, or with a name that names nothing")
    func tests() throws {
        let files = try SourceTree.files(below: "Tests")
        let found = files.flatMap { TidyRules.length($0) + TidyRules.fileName($0) }
        #expect(found.isEmpty, "\n\(found.joined(separator: "\n"))")
    }
}
