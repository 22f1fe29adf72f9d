import Foundation

/// A Swift file of the package: what the rules look at.
struct SourceFile: Equatable {
    /// From the root of the package: `Sources/Bytes/ASCII.swift`.
    let path: String
    let text: String

    /// The target it belongs to: the folder below `Sources`.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    var name: String { String(path.split(separator: "/").last ?? "") }

    /// The text by lines, and the same without comments and without what stands in string literals.
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var codeLines: [Substring] {
        SwiftText.code(of: text).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The modules it imports, with the line of each: `@testable import struct A.B` is A.
    var imports: [(module: String, line: Int)] {
        var found: [(module: String, line: Int)] = []
        for (index, line) in codeLines.enumerated() {
            var words = line.split(separator: " ").drop {
                $0.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains($0)
            }
            guard words.first == "import" else { continue }
            words = words.dropFirst()
            let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
            if let kind = words.first, kinds.contains(String(kind)) { words = words.dropFirst() }
            guard let module = words.first?.split(separator: ".").first else { continue }
            found.append((String(module), index + 1))
        }
        return found
    }
}

enum SourceTree {
    /// The root of the package, from where this file lies: `Tests/TidyTests/SourceTree.swift`.
    static let path = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

    /// Every Swift file below a folder of the package, in the order of their paths.
    static func files(below folder: String) throws -> [SourceFile] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: "\(path)/\(folder)")
        return try names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
            let text = try String(contentsOfFile: "\(path)/\(folder)/\(name)", encoding: .utf8)
            return SourceFile(path: "\(folder)/\(name)", text: text)
        }
    }
}
