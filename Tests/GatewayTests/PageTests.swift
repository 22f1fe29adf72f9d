import Foundation
import Testing

@testable import Gateway

@Suite struct PageTests {
    private func html(_ reporterURL: String?) -> String {
        String(decoding: Page(reporterURL: reporterURL, takesScores: true).html, as: UTF8.self)
    }

    /// What stands between two texts of which there is one each.
    private func between(_ start: String, _ end: String, in text: String) throws -> Substring {
        let from = try #require(text.firstRange(of: start)).upperBound
        let rest = text[from...]
        let to = try #require(rest.firstRange(of: end)).lowerBound
        return rest[..<to]
    }

    /// As OpenSSL computes it.
    private func hash(_ text: Substring) throws -> String {
        let file = NSTemporaryDirectory() + "page-\(getpid())"
        defer { for name in [file, "\(file).hash"] { try? FileManager.default.removeItem(atPath: name) } }
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        let made = system("openssl dgst -sha256 -binary \(file) | openssl base64 > \(file).hash")
        try #require(made == 0, "openssl is missing")
        let digest = try String(contentsOfFile: "\(file).hash", encoding: .utf8)
        return "sha256-" + digest.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("the policy allows this style and this script and no other, CSP Level 3 section 2.3.1")
    func hashes() throws {
        let html = html(nil)
        #expect(try hash(between("<style>", "</style>", in: html)) == Page.styleHash)
        #expect(try hash(between("<script type=\"module\">", "</script>", in: html)) == Page.scriptHash)
        let fields = String(decoding: Page(reporterURL: nil, takesScores: false).fields, as: UTF8.self)
        #expect(fields.contains("script-src '\(Page.scriptHash)'; style-src '\(Page.styleHash)';"))
    }

    /// Relative luminance (WCAG 2.2).
    private func luminance(_ color: Substring) throws -> Double {
        let digits = color.count == 3 ? color.flatMap { [$0, $0] } : Array(color)
        let parts = try stride(from: 0, to: 6, by: 2).map { index in
            let part = Double(try #require(Int(String(digits[index...index + 1]), radix: 16))) / 255
            return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }

    @Test(
        "inputs and buttons stand out, in the light and in the dark: WCAG 2.2 section 1.4.11",
        arguments: [
            (PageStyle.css, ["ground"]), (DocsHTML.style, ["back", "card"]),
        ])
    func contrast(css: String, grounds: [String]) throws {
        func colors(_ name: String) throws -> [Double] {
            let colors = css.matches(of: #/--([a-z]+): #([0-9a-f]+)/#).filter { $0.1 == name }
            return try colors.map { try luminance($0.2) }
        }
        let controls = try colors("control")
        #expect(controls.count == 2)
        for ground in grounds {
            for (one, other) in zip(controls, try colors(ground)) {
                #expect((max(one, other) + 0.05) / (min(one, other) + 0.05) >= 3, "on \(ground)")
            }
        }
    }

    @Test func theFieldsAreWholeLines() {
        let fields = String(decoding: Page(reporterURL: nil, takesScores: false).fields, as: UTF8.self)
        #expect(fields.hasSuffix("\r\n"))
        let lines = fields.components(separatedBy: "\r\n").dropLast()
        #expect(lines.count == 4)
        for line in lines { #expect(line.contains(": ") && !line.contains("\n")) }
    }

    @Test func theReporterIsEmptyOrGiven() {
        #expect(html(nil).contains(#"<meta name="reporter-url" content="">"#))
        #expect(html("https://a.example/b").contains(#"<meta name="reporter-url" content="https://a.example/b">"#))
    }

    @Test func theReporterCannotLeaveItsAttribute() {
        let html = html(#"https://a/"><script>'&"#)
        #expect(html.contains(#"content="https://a/&quot;&gt;&lt;script&gt;&#39;&amp;">"#))
    }

    @Test func nothingButTheFeedComesFromElsewhere() {
        let html = html(nil)
        for word in ["<img", "<iframe", "@import", "url(", "src=", "onclick", "onload", "innerHTML", "insertAdjacent"] {
            #expect(!html.contains(word), "\(word)")
        }
    }
}
