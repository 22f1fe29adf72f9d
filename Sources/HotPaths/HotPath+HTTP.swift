import Bytes
import HTTP1

extension HotPath {
    static let http: [HotPath] = [
        HotPath("request parser: GET", per: "request") { parse(get, $0) },
        HotPath("request parser: GET of a browser", per: "request") { parse(browser, $0) },
        HotPath("request parser: POST", per: "request") { parse(post, $0) },
        HotPath("request parser: POST in chunks", per: "request") { parse(chunked, $0) },
        HotPath("query parser: four parameters", per: "query") { count in
            let query = Array("limit=100&after=123456&order=desc&user=ada%20lovelace".utf8)
            var decoded = ByteBuffer(capacity: 256)
            var found = 0
            for _ in 0..<count {
                decoded.removeAll()
                var parser = QueryParser(0..<query.count)
                do throws(HTTPError) {
                    while let pair = try parser.next(query.span, into: &decoded) {
                        found += pair.name.count + pair.value.count
                    }
                } catch {
                    fatalError("a well-formed query was refused: \(error)")
                }
            }
            return found
        },
        HotPath("response encoder: head of 200", per: "response") { count in
            let date = DateField(unixSeconds: 1_790_000_000)
            var output = ByteBuffer(capacity: 4096)
            var written = 0
            for _ in 0..<count {
                output.removeAll()
                ResponseEncoder.append(
                    &output, .ok, contentType: "application/json", contentLength: 77, date: date)
                written += output.count
            }
            return written
        },
        HotPath("response parser: 200 with content", per: "response") { count in
            let bytes = Array(response.utf8)
            var parser = ResponseParser(requestMethod: .get)
            var found = 0
            for _ in 0..<count {
                var offset = 0
                do throws(HTTPError) {
                    answer: while true {
                        switch try parser.next(bytes.span.extracting(offset...)) {
                        case .needMore: fatalError("a whole response is not enough")
                        case .interim(let consumed), .head(let consumed): offset += consumed
                        case .body(let range, let consumed):
                            found += range.count
                            offset += consumed
                        case .end: break answer
                        }
                    }
                } catch {
                    fatalError("a well-formed response was refused: \(error)")
                }
            }
            return found
        },
    ]

    private static func parse(_ text: String, _ count: Int) -> Int {
        let bytes = Array(text.utf8)
        let parser = RequestParser()
        var found = 0
        for _ in 0..<count { found += parse(bytes.span, parser) }
        return found
    }

    private static func parse(_ bytes: Span<UInt8>, _ parser: RequestParser) -> Int {
        var found = 0
        var offset = 0
        do throws(HTTPError) {
            while true {
                switch try parser.next(bytes.extracting(offset...)) {
                case .needMore: fatalError("a whole request is not enough")
                case .head(let consumed):
                    found += parser.head.fieldCount
                    offset += consumed
                case .body(let range, let consumed):
                    found += range.count
                    offset += consumed
                case .end: return found
                }
            }
        } catch {
            fatalError("a well-formed request was refused: \(error)")
        }
    }

    private static let response = """
        HTTP/1.1 200 OK\r\nDate: Tue, 22 Sep 2026 00:53:20 GMT\r\nContent-Type: application/json\r\n\
        Content-Length: 15\r\n\r\n{"status":"ok"}
        """

    private static let get = "GET /healthz HTTP/1.1\r\nHost: localhost:8000\r\n\r\n"

    private static let browser = """
        GET /scores?limit=100&order=desc HTTP/1.1\r\nHost: scores.example.org\r\nConnection: keep-alive\r\n\
        sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "Linux"\r\n\
        Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like \
        Gecko) Chrome/130.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,\
        image/avif,image/webp,*/*;q=0.8\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n\
        Sec-Fetch-Dest: document\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n
        """

    private static let post = """
        POST /scores HTTP/1.1\r\nHost: localhost:8000\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n\
        {"user":"ada","score":3}
        """

    private static let chunked = """
        POST /scores HTTP/1.1\r\nHost: localhost:8000\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\nc\r\n{"user":"ada\r\nc\r\n","score":3}\r\n0\r\n\r\n
        """
}
