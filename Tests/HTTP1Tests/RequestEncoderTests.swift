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

@Suite struct ServerMessageStateTests {
    private func state(_ fields: String, version: String = "1.1") throws -> ServerMessageState {
        let bytes = Array("POST / HTTP/\(version)\r\nHost: x\r\n\(fields)\r\n".utf8)
        var parser = RequestParser()
        _ = try parser.next(bytes.span)
        return ServerMessageState(parser.head)
    }

    @Test("RFC 9110 §10.1.1: 100 Continue once, and only to a client that waits")
    func saysContinue() throws {
        let fields = "Expect: 100-continue\r\nContent-Length: 3\r\n"
        var waiting = try state(fields)
        let answers = [waiting.takeContinue(), waiting.takeContinue()]
        #expect(answers == [true, false])
        var sending = try state(fields)
        sending.receivedBody()
        var empty = try state("Expect: 100-continue\r\nContent-Length: 0\r\n")
        var plain = try state("Content-Length: 3\r\n")
        let others = [sending.takeContinue(), empty.takeContinue(), plain.takeContinue()]
        #expect(others == [false, false, false])
    }

    @Test("RFC 9112 §9.3: what the response says about the connection")
    func decidesAboutTheConnection() throws {
        var complete = try state("")
        #expect(complete.connection == .close, "answered before the request's end")
        complete.receivedEnd()
        #expect(complete.connection == .keepAlive)
        complete.closeAfterwards()
        #expect(complete.connection == .close)
        var closing = try state("Connection: close\r\n")
        closing.receivedEnd()
        #expect(closing.connection == .close)
        var old = try state("Connection: keep-alive\r\n", version: "1.0")
        old.receivedEnd()
        #expect(old.connection == .keepAliveHTTP10)
    }
}
