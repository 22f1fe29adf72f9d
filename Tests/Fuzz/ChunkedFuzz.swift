// The chunked transfer coding (RFC 9112 section 7.1). Properties: however a coded stream is cut, the same content comes out,
// with the same error, and it ends at the same byte; any content, coded in any pieces, is decoded as it was; what was
// decoded, coded anew, is the same content.
//
// Input: [cuts], [sizes of the chunks], and a coded stream, which is taken for content as well.

import Bytes

@testable import HTTP1

@c(LLVMFuzzerTestOneInput)
public func fuzzChunked(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count >= 2 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let stream = Array(input[2...])
    let whole = Decoded(stream, cuts: nil)
    precondition(whole == Decoded(stream, cuts: 0), "byte by byte, something else came out")
    precondition(whole == Decoded(stream, cuts: input[0]), "cut at some places, something else came out")
    for content in [whole.content, stream] {
        let coded = coded(content, sizes: input[1])
        // What follows on the connection is none of its business.
        for cuts in [nil, 0, input[0]] {
            let again = Decoded(coded + stream, cuts: cuts, limits: Limits())
            precondition(again.error == nil && again.content == content, "coded and decoded, it is other content")
            precondition(again.end == coded.count, "coded and decoded, it ends elsewhere")
        }
    }
    return 0
}

private struct Decoded: Equatable {
    private(set) var content: [UInt8] = []
    private(set) var error: HTTPError?
    /// Behind its last byte; nil while it is not at its end.
    private(set) var end: Int?

    /// So small that small inputs reach them.
    private static var small: Limits {
        var limits = Limits()
        limits.chunkLine = 24
        limits.chunkExtensions = 48
        limits.trailers = 64
        return limits
    }

    /// - Parameter cuts: nil leaves the stream whole, 0 cuts it into bytes, others seed the lengths of the pieces.
    init(_ stream: [UInt8], cuts: UInt8?, limits: Limits = small) {
        var decoder = BodyDecoder()
        decoder.begin(.chunked, limits)
        var position = 0
        var available = 0
        var seed = UInt32(cuts ?? 0)
        do throws(HTTPError) {
            while end == nil, available < stream.count {
                seed = seed &* 1_664_525 &+ 1_013_904_223
                let length = cuts == nil ? stream.count : cuts == 0 ? 1 : 1 + Int(seed >> 24) % 40
                available = min(stream.count, available + length)
                try read(&decoder, stream, &position, available)
            }
        } catch {
            self.error = error
        }
    }

    private mutating func read(
        _ decoder: inout BodyDecoder, _ stream: [UInt8], _ position: inout Int, _ available: Int
    ) throws(HTTPError) {
        while true {
            let window = stream.span.extracting(position..<available)
            switch try decoder.next(window, maximum: 8192) {
            case .needMore(let consumed):
                position += consumed
                precondition(position <= available, "consumed more than there is")
                return
            case .body(let range, let consumed):
                precondition(!range.isEmpty && range.upperBound <= consumed, "a piece of nothing, or of what follows")
                content += window.extracting(range).copied
                position += consumed
                precondition(position <= available, "consumed more than there is")
            case .end(let consumed):
                position += consumed
                precondition(position <= available, "consumed more than there is")
                end = position
                return
            }
        }
    }
}

/// In chunks of known size and of such as are filled in later, by turns.
private func coded(_ content: [UInt8], sizes: UInt8) -> [UInt8] {
    var output = ByteBuffer()
    var seed = UInt32(sizes)
    var position = 0
    while position < content.count {
        seed = seed &* 1_664_525 &+ 1_013_904_223
        let end = min(content.count, position + 1 + Int(seed >> 24) * (sizes & 1 == 0 ? 1 : 20))
        let piece = content.span.extracting(position..<end)
        if seed >> 16 & 1 == 0 {
            ChunkedEncoder.begin(&output, size: piece.count)
            output.append(piece)
            ChunkedEncoder.end(&output)
        } else {
            let mark = ChunkedEncoder.open(&output)
            output.append(piece)
            ChunkedEncoder.close(&output, from: mark)
        }
        // One that nothing was written into is taken back.
        if seed >> 17 & 1 == 0 { ChunkedEncoder.close(&output, from: ChunkedEncoder.open(&output)) }
        position = end
    }
    ChunkedEncoder.last(&output)
    return output.bytes.copied
}
