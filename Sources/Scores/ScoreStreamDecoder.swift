import Bytes
import JSON

/// Reads a JSON array of scores that arrives in pieces: the answer of `GET /scores`, ours or that of a replaced service,
/// however long it is. `ArraySplitter` finds the elements; each then goes through the strict reader. So what is kept is
/// one element and the piece that was received last, and how the bytes were cut never changes what comes out.
///
/// An element that is JSON but no score is passed over, and so is one that is longer than a score can be; an answer that
/// is no JSON array is at its end for good.
public struct ScoreStreamDecoder: ~Copyable {
    private var splitter = ArraySplitter()
    /// What was received and not taken. An element that was cut stands at its front, looked at up to `position`.
    private var buffer = ByteBuffer()
    private var position = 0
    /// The element under way is longer than `ScoreLimits.elementBytes`: none of it is kept.
    private var isTooLong = false
    private var failure: ScoreError?

    public init() {}

    /// Takes the next piece of the answer. Call `next()` until it gives nil before the next piece.
    public mutating func receive(_ piece: Span<UInt8>) {
        buffer.append(piece)
    }

    /// The next score or why an element is none; nil when more bytes are needed or the array has ended.
    /// - Throws: `.json` when this is no JSON array; every later call throws it again.
    public mutating func next() throws(ScoreError) -> Result<Score, ScoreError>? {
        if let failure { throw failure }
        do throws(ScoreError) {
            return try advance()
        } catch {
            failure = error
            throw error
        }
    }

    /// The answer is complete.
    /// - Throws: when the array is not.
    public mutating func finish() throws(ScoreError) {
        if let failure { throw failure }
        guard splitter.hasEnded else { throw .json(JSONError(.unexpectedEnd, at: splitter.offset)) }
    }

    private mutating func advance() throws(ScoreError) -> Result<Score, ScoreError>? {
        let isWithinElement = position > 0 || isTooLong
        let part = try nextPart()
        if !isWithinElement {
            let passedOver = part?.range.lowerBound ?? position
            buffer.consume(passedOver)
            position -= passedOver
        }
        guard let part else { return nil }
        isTooLong = isTooLong || position > ScoreLimits.elementBytes
        guard part.isLast || isTooLong else { return nil }
        defer {
            buffer.consume(position)
            position = 0
        }
        if isTooLong {
            isTooLong = !part.isLast
            return isTooLong ? nil : .failure(.tooLong)
        }
        return try decode(buffer.bytes.extracting(0..<position))
    }

    private mutating func nextPart() throws(ScoreError) -> ElementPart? {
        // Copies: the span of the buffer borrows all of this value.
        var (splitter, position) = (splitter, position)
        do throws(JSONError) {
            let part = try splitter.next(buffer.bytes, from: &position)
            (self.splitter, self.position) = (splitter, position)
            return part
        } catch {
            throw .json(error)
        }
    }

    private func decode(_ element: Span<UInt8>) throws(ScoreError) -> Result<Score, ScoreError> {
        do throws(ScoreError) {
            return .success(try ScoreDecoder.decode(element))
        } catch {
            guard case .json(let error) = error else { return .failure(error) }
            throw .json(JSONError(error.kind, at: splitter.offset - element.count + error.offset))
        }
    }
}
