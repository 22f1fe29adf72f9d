// Property: the way a connection's bytes are cut never changes what the request parser makes of them: the same heads,
// the same content, the same error. And it answers anything at all with an event or a typed error.
//
// `Tests/Fuzz/run` builds and runs this; by hand, with the modules' objects and .swiftmodule files in $OUT:
//
//     swiftc -parse-as-library -sanitize=fuzzer,address -I $OUT \
//         Tests/Fuzz/{RequestParserFuzz,Digest}.swift $OUT/{HTTP1,Bytes}.o

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

@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let bytes = UnsafeBufferPointer(start: start, count: count).span
    let whole = parse(bytes) { _ in count }
    precondition(parse(bytes) { _ in 1 } == whole, "byte by byte, something else came out")
    // Cut by the input itself: every run has other cuts, and a finding is repeatable.
    let varied = parse(bytes) { index in Int(bytes[(index &* 7 &+ 3) % bytes.count] & 31) }
    precondition(varied == whole, "cut at some places, something else came out")
    return 0
}
