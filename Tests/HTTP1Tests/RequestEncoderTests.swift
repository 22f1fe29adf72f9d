import Bytes
import Testing

@testable import HTTP1

@Suite struct RequestEncoderTests {
    @Test(
        "what the encoder writes, the parser reads",
        arguments: HTTP1.Method.allCases.filter { $0 != .other && $0 != .connect })
    func printThenParse(method: HTTP1.Method) {
        var buffer = ByteBuffer()
        let target = Array("/scores?limit=5".utf8)
        let host = Array("localhost:8000".utf8)
        RequestEncoder.begin(&buffer, method, target.span, host: host.span)
        RequestEncoder.contentLength(&buffer, 3)
        RequestEncoder.field(&buffer, "Content-Type", "text/plain")
        RequestEncoder.field(&buffer, "X", Array("a\r\nTransfer-Encoding: chunked".utf8).span)
        RequestEncoder.end(&buffer)
        buffer.append("abc")
        RequestEncoder.begin(&buffer, method, target.span, host: host.span)
        RequestEncoder.chunked(&buffer)
        RequestEncoder.end(&buffer)
        ChunkedEncoder.begin(&buffer, size: 3)
        buffer.append("def")
        ChunkedEncoder.end(&buffer)
        ChunkedEncoder.last(&buffer)
        let line = "\(method.name) /scores?limit=5 @localhost:8000"
        #expect(
            requests(buffer.bytes.text) == [
                .head(line + " length=3"), .body("abc"), .end, .head(line + " chunked"), .body("def"), .end,
            ])
    }
}
