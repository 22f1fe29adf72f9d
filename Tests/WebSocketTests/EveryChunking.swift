/// Calls `body` with `bytes` whole, split in two at every boundary, and byte by byte: however TCP cuts a stream, what
/// comes out must be the same. A long input is split only near its ends, where the headers are, and at some places between.
func everyChunking(_ bytes: [UInt8], _ body: ([ArraySlice<UInt8>]) -> Void) {
    body([bytes[...]])
    let near = 200
    for split in bytes.indices.dropFirst() {
        if split > near, split < bytes.count - near, split % 4093 != 0 { continue }
        body([bytes[..<split], bytes[split...]])
    }
    if bytes.count <= 100_000 {
        body(bytes.indices.map { bytes[$0...$0] })
    } else {
        body(stride(from: 0, to: bytes.count, by: 997).map { bytes[$0..<min($0 + 997, bytes.count)] })
    }
}
