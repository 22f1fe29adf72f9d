// Property: the way a connection's bytes are cut never changes what the response parser makes of them. The first byte of an
// input is no part of the response: it chooses the method that was asked with. A head that was read, written by
// `ResponseEncoder`, is read as the same; and no value, whatever is in it, writes lines of its own into a head.

import Bytes
import HTTP1

private func digest(_ parser: borrowing ResponseParser, _ bytes: Span<UInt8>, _ digest: inout Digest) {
    let head = parser.head
    digest.add(Int(head.status))
    digest.add(bytes, head.reason)
    digest.add(Int(head.versionMinor))
    switch head.framing {
    case nil: digest.add(-3)
    case .some(.none): digest.add(-1)
    case .chunked: digest.add(-2)
    case .length(let length): digest.add(Int(length))
    }
    digest.add((head.keepAlive ? 1 : 0) + (head.isUpgrade ? 2 : 0))
    var lines = FieldLines(head.fields)
    var count = 0
    while let line = lines.next(bytes) {
        digest.add(bytes, line.name)
        digest.add(bytes, line.value)
        count += 1
    }
    precondition(count == head.fieldCount, "FieldLines finds other lines than the parser")
}

private func parse(_ bytes: Span<UInt8>, to method: HTTP1.Method, _ cut: (_ index: Int) -> Int) -> UInt64 {
    var limits = Limits()
    limits.head = 512
    limits.fields = 8
    limits.chunkLine = 24
    limits.chunkExtensions = 48
    limits.trailers = 64
    var parser = ResponseParser(requestMethod: method, limits: limits)
    parser.maximumBodyLength = 256
    var seen = Digest()
    var start = 0
    var end = 0
    var index = 0
    do throws(HTTPError) {
        repeat {
            end = min(bytes.count, end + max(1, cut(index)))
            index += 1
            while true {
                let window = bytes.extracting(start..<end)
                let event = try parser.next(window)
                switch event {
                case .needMore(let consumed):
                    start += consumed
                case .interim(let consumed):
                    seen.add(5)
                    digest(parser, window, &seen)
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
                if case .end = event, parser.head.isUpgrade { return seen.value }
            }
        } while end < bytes.count
        if case .end = try parser.finish() { seen.add(3) }
    } catch {
        seen.add(4)
        seen.add(Int(error.rawValue))
    }
    return seen.value
}

/// Its head, read, written and read again.
private func roundTrip(_ bytes: Span<UInt8>) {
    var parser = ResponseParser()
    guard case .head? = try? parser.next(bytes), let status = Status(rawValue: parser.head.status) else { return }
    let contentType = parser.value(of: .contentType).map { bytes.extracting($0).copied }
    var written = ByteBuffer()
    ResponseEncoder.begin(&written, status, date: DateField(unixSeconds: 1_700_000_000))
    if let contentType { ResponseEncoder.field(&written, "Content-Type", contentType.span) }
    switch parser.head.framing {
    case nil, .some(.none): break
    case .length(let length): ResponseEncoder.contentLength(&written, length)
    case .chunked: ResponseEncoder.chunked(&written)
    }
    ResponseEncoder.end(&written)

    var again = ResponseParser()
    guard case .head(let consumed)? = try? again.next(written.bytes) else { preconditionFailure("written, it is none") }
    precondition(consumed == written.count, "written, it ends elsewhere")
    precondition(again.head.status == status.rawValue, "written, it has another status")
    precondition(again.head.framing == parser.head.framing, "written, it has another framing")
    let read = again.value(of: .contentType).map { written.bytes.extracting($0).copied }
    precondition(read == contentType, "written, a field has another value")
}

/// Anything at all as a value: what may not stand there is a blank (RFC 9110 section 5.5), and blanks around it are none.
private func cleaning(_ bytes: Span<UInt8>) {
    var written = ByteBuffer()
    ResponseEncoder.begin(&written, .ok, date: DateField(unixSeconds: 1_700_000_000))
    ResponseEncoder.field(&written, "Location", bytes)
    ResponseEncoder.contentLength(&written, 3)
    ResponseEncoder.end(&written)
    var parser = ResponseParser()
    guard case .head(let consumed)? = try? parser.next(written.bytes) else {
        preconditionFailure("a value broke a head")
    }
    precondition(consumed == written.count && parser.head.fieldCount == 3, "a value wrote lines of its own")
    precondition(parser.head.framing == .length(3), "a value changed the framing")
    var expected = bytes.copied.map { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) ? $0 : 0x20 }[...]
    while let last = expected.last, last == 0x20 || last == 0x09 { expected.removeLast() }
    while let first = expected.first, first == 0x20 || first == 0x09 { expected.removeFirst() }
    let read = parser.value(of: .location).map { written.bytes.extracting($0).copied } ?? []
    precondition(read == Array(expected), "a value became another one")
}

@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let methods: [HTTP1.Method] = [.get, .head, .connect, .post]
    let method = methods[Int(start[0] & 3)]
    let bytes = UnsafeBufferPointer(start: start + 1, count: count - 1).span
    let whole = parse(bytes, to: method) { _ in count }
    precondition(parse(bytes, to: method) { _ in 1 } == whole, "byte by byte, something else came out")
    let varied = parse(bytes, to: method) { index in Int(bytes[(index &* 7 &+ 3) % bytes.count] & 31) }
    precondition(varied == whole, "cut at some places, something else came out")
    roundTrip(bytes)
    cleaning(bytes)
    return 0
}
