/// A list that grows without moving what is in it: an array of a million would be copied in one go, and who waits for
/// that is late.
struct ChunkedList<Element> {
    private static var chunk: Int { 16_384 }

    private var chunks: [[Element]] = []
    private(set) var count = 0

    mutating func append(_ element: Element) {
        if count % Self.chunk == 0 {
            var next: [Element] = []
            next.reserveCapacity(Self.chunk)
            chunks.append(next)
        }
        chunks[chunks.count - 1].append(element)
        count += 1
    }

    subscript(place: Int) -> Element { chunks[place / Self.chunk][place % Self.chunk] }
}
