// Property: the way a connection's bytes are cut never changes what the request parser makes of them: the same heads,
// the same content, the same error. And it answers anything at all with an event or a typed error. A head that was read,
// written by `RequestEncoder`, is read as the same.

import Bytes
import HTTP1

private func digest(_ parser: RequestParser, _ bytes: Span<UInt8>, _ digest: inout Digest) {
    let head = parser.head
    digest.add(Int(head.method.rawValue))
    digest.add(bytes, head.methodToken)
    digest.add(bytes, head.target)
    digest.add(bytes, head.path)
    digest.add(bytes, head.query)
    digest.add(bytes, head.authority)
    digest.add(Int(head.versionMinor))
    switch head.framing {
    case .none: digest.add(-1)
    case .chunked: digest.add(-2)
    case .length(let length): digest.add(Int(length))
    }
    digest.add((head.keepAlive ? 1 : 0) + (head.expectsContinue ? 2 : 0) + (head.isWebSocketUpgrade ? 4 : 0))
    digest.add(head.fieldCount)
    for name in FieldName.allCases {
        digest.add(bytes, parser.value(of: name))
        digest.add(parser.isRepeated(name) ? 1 : 0)
    }
    var lines = FieldLines(head.fields)
    var count = 0
    while let line = lines.next(bytes) {
        digest.add(bytes, line.name)
        digest.add(bytes, line.value)
        count += 1
    }
    precondition(count == head.fieldCount, "FieldLines finds other lines than the parser")
}

/// Feeds the bytes in pieces of the sizes that `cut` gives, until they are used up or refused.
private func parse(_ bytes: Span<UInt8>, _ cut: (_ index: Int) -> Int) -> UInt64 {
    // Small limits, so that small inputs reach them.
    var limits = Limits()
    limits.target = 64
    limits.head = 512
    limits.fields = 8
    limits.method = 12
    limits.body = 128
    limits.chunkLine = 24
    limits.chunkExtensions = 48
    limits.trailers = 64
    let parser = RequestParser(limits: limits)
    var seen = Digest()
    var start = 0
    var end = 0
    var index = 0
    repeat {
        end = min(bytes.count, end + max(1, cut(index)))
        index += 1
        while true {
            let window = bytes.extracting(start..<end)
            do throws(HTTPError) {
                let event = try parser.next(window)
                switch event {
                case .needMore(let consumed):
                    precondition(consumed <= window.count, "consumed more than there is")
                    start += consumed
                case .head(let consumed):
                    seen.add(1)
                    digest(parser, window, &seen)
                    start += consumed
                case .body(let range, let consumed):
                    precondition(!range.isEmpty, "a piece of nothing")
                    for offset in range {
                        seen.add(2)
                        seen.add(window[offset])
                    }
                    start += consumed
                case .end(let consumed):
                    seen.add(3)
                    start += consumed
                }
                precondition(start <= end, "consumed more than there is")
                if case .needMore = event { break }
            } catch {
                seen.add(4)
                seen.add(Int(error.rawValue))
                return seen.value
            }
        }
    } while end < bytes.count
    return seen.value
}

/// Its first head, read, written and read again.
private func roundTrip(_ bytes: Span<UInt8>) {
    let parser = RequestParser()
    guard case .head? = try? parser.next(bytes) else { return }
    let head = parser.head
    // A method without a name cannot be written, and Host always is.
    guard head.method != .other, let host = parser.value(of: .host) else { return }
    var written = ByteBuffer()
    RequestEncoder.begin(&written, head.method, bytes.extracting(head.target), host: bytes.extracting(host))
    let fields: [(FieldName, StaticString)] = [
        (.contentType, "Content-Type"), (.userAgent, "User-Agent"), (.authorization, "Authorization"),
        (.idempotencyKey, "Idempotency-Key"), (.origin, "Origin"), (.xForwardedFor, "X-Forwarded-For"),
    ]
    for (name, text) in fields {
        if let value = parser.value(of: name) { RequestEncoder.field(&written, text, bytes.extracting(value)) }
    }
    switch head.framing {
    case .none: break
    case .length(let length): RequestEncoder.contentLength(&written, length)
    case .chunked: RequestEncoder.chunked(&written)
    }
    RequestEncoder.end(&written)

    let again = RequestParser()
    guard case .head(let consumed)? = try? again.next(written.bytes) else { preconditionFailure("written, it is none") }
    precondition(consumed == written.count, "written, it ends elsewhere")
    precondition(again.head.method == head.method && again.head.framing == head.framing, "written, it is another one")
    precondition(
        written.bytes.extracting(again.head.target).copied == bytes.extracting(head.target).copied,
        "written, it has another target")
    for name in [.host] + fields.map(\.0) {
        let value = parser.value(of: name).map { bytes.extracting($0).copied }
        let read = again.value(of: name).map { written.bytes.extracting($0).copied }
        precondition(read == value, "written, a field has another value")
    }
}

@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let bytes = UnsafeBufferPointer(start: start, count: count).span
    let whole = parse(bytes) { _ in count }
    precondition(parse(bytes) { _ in 1 } == whole, "byte by byte, something else came out")
    // Cut by the input itself: every run has other cuts, and a finding is repeatable.
    let varied = parse(bytes) { index in Int(bytes[(index &* 7 &+ 3) % bytes.count] & 31) }
    precondition(varied == whole, "cut at some places, something else came out")
    roundTrip(bytes)
    return 0
}
