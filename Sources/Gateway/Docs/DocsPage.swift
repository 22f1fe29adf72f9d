/// `/docs`: shows `/openapi.json`, and lets every operation be tried. One document, which fetches nothing but that and
/// what is tried.
struct DocsPage {
    let html: [UInt8]
    /// Field lines to send with it, each with its CRLF.
    let fields: [UInt8]

    init() {
        let parts = [
            DocsHTML.beforeStyle, DocsHTML.style, DocsHTML.beforeScript, DocsScript.javaScript, DocsHTML.afterScript,
        ]
        html = parts.flatMap { Array($0.utf8) }
        let policy = [
            "default-src 'none'", "script-src '\(ContentHash.source(of: DocsScript.javaScript))'",
            "style-src '\(ContentHash.source(of: DocsHTML.style))'", "connect-src 'self' ws: wss:", "img-src data:",
            "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ].joined(separator: "; ")
        fields = Array(
            ("Content-Security-Policy: \(policy)\r\nX-Content-Type-Options: nosniff\r\n"
                + "Referrer-Policy: no-referrer\r\nCache-Control: no-cache\r\n").utf8)
    }
}
