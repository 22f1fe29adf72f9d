/// Feeds `text` whole, cut in two at every place, and byte by byte; `body` gets the pieces.
func everyChunking(_ text: [UInt8], _ body: ([[UInt8]]) throws -> Void) rethrows {
    try body([text])
    for cut in text.indices.dropFirst() {
        try body([Array(text[..<cut]), Array(text[cut...])])
    }
    try body(text.map { [$0] })
}

extension [UInt8] {
    init(_ text: String) {
        self = Array(text.utf8)
    }
}
