/// The live page at `/`, made once at start: one document, which fetches nothing but the feed.
struct Page {
    /// The document, UTF-8.
    let html: [UInt8]
    /// Field lines to send with it, each with its CRLF.
    let fields: [UInt8]

    /// - Parameters:
    ///   - reporterURL: where the feed is, an `http` or `https` address; nil: where the page itself is.
    ///   - takesScores: whether `POST /scores` is answered where the page is.
    init(reporterURL: String?, takesScores: Bool) {
        let parts = [
            PageHTML.beforeReporterURL, Page.escaped(reporterURL ?? ""), PageHTML.beforeStyle, PageStyle.css,
            PageHTML.beforeForm, takesScores ? PageHTML.form : "", PageHTML.beforeScript, PageScript.javaScript,
            PageHTML.afterScript,
        ]
        html = parts.flatMap { Array($0.utf8) }
        fields = Array(Page.fieldLines.utf8)
    }

    static let styleHash = ContentHash.source(of: PageStyle.css)
    static let scriptHash = ContentHash.source(of: PageScript.javaScript)

    /// The feed may be on another host (`REPORTER_URL`), and older Safari does not count `ws:` to 'self'.
    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src '\(scriptHash)'", "style-src '\(styleHash)'", "img-src data:",
        "connect-src 'self' ws: wss:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    private static let fieldLines =
        "Content-Security-Policy: \(contentSecurityPolicy)\r\n" + "X-Content-Type-Options: nosniff\r\n"
        + "Referrer-Policy: no-referrer\r\n" + "Cache-Control: no-cache\r\n"

    /// As the value of a quoted attribute.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
