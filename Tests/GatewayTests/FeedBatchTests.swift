import Bytes
import Scores
import Testing
import WebSocket

@testable import Gateway

@Suite struct FeedBatchTests {
    private func item(_ id: Int64, _ user: String) -> FeedItem {
        FeedItem(
            Score(id: id, user: Array(user.utf8), score: 3, createdAt: nil), .bus, now: Instant(nanoseconds: 1),
            unixSeconds: 1)
    }

    private func pieces(_ batch: FeedBatch, _ form: FeedForm) -> [(id: Int64, bytes: [UInt8])] {
        var found: [(id: Int64, bytes: [UInt8])] = []
        let taken = batch.forEach(form) { (bytes, entry) in
            found.append((entry.id, Array(bytes)))
            return true
        }
        #expect(taken == UInt64(found.count))
        return found
    }

    private let long = String(repeating: "a long name ", count: 20)

    @Test func compressesOnlyWhatIsWorthIt() {
        let items = [item(1, "ada"), item(2, long), item(3, "bob"), item(4, long), item(5, "eve")]
        let batch = FeedBatch(items, compressedBy: Deflater())
        let plain = pieces(batch, .frames)
        let deflated = pieces(batch, .deflatedFrames)
        #expect(plain.map(\.id) == [1, 2, 3, 4, 5])
        #expect(deflated.map(\.id) == [1, 2, 3, 4, 5])
        for index in [0, 2, 4] { #expect(plain[index].bytes == deflated[index].bytes) }
        for index in [1, 3] {
            #expect(plain[index].bytes[0] == 0x81)
            #expect(deflated[index].bytes[0] == 0xC1)
            #expect(deflated[index].bytes.count < 80)
            #expect(read(deflated[index].bytes) == read(plain[index].bytes))
        }
        #expect(read(plain[1].bytes) == #"{"id":2,"user":"\#(long)","score":3}"#)
        #expect(pieces(batch, .events).map(\.id) == [1, 2, 3, 4, 5])
    }

    /// A log of compressed frames has everything also while nobody compresses.
    @Test func withoutACompressorEveryFrameIsPlain() {
        let batch = FeedBatch([item(1, "ada"), item(2, long)], compressedBy: nil)
        #expect(pieces(batch, .deflatedFrames).map(\.bytes) == pieces(batch, .frames).map(\.bytes))
        #expect(batch.deflated.isEmpty)
    }

    /// What a client reads in a frame.
    private func read(_ frame: [UInt8]) -> String? {
        let now = Instant(nanoseconds: 1)
        var session = WebSocketSession(role: .client, deflate: PermessageDeflate(), now: now)
        var output = ByteBuffer()
        guard case .text = try? session.receive(frame.span, now: now, output: &output) else { return nil }
        return session.message.text
    }
}
