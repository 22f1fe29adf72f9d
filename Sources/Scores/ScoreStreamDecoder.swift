import Bytes
import JSON

/// Reads a JSON array of scores that arrives in pieces: the answer of `GET /scores`, ours or that of a replaced service,
/// however long it is.
///
///     [ {"user":"ada","id":1,"score":3} , {"user":"bob", ⋯ ⋯ "id":2,"score":5} ]
///     │ ╰─────────── element ─────────╯ │ ╰───── element, in two pieces ─────╯ │
///     start                         separator                                ended
///
/// Only the end of an element is looked for byte by byte (quotes, backslashes and brackets are enough for that); the
/// whole element then goes through the strict reader. So what is kept is one element and the piece that was received
/// last, and how the bytes were cut never changes what comes out.
///
/// An element that is JSON but no score is passed over; an answer that is no JSON array is at its end for good.
public struct ScoreStreamDecoder: ~Copyable {
    private var buffer = ByteBuffer()
    private var state = State.start
    /// Bytes that left the buffer, for the offsets of errors.
    private var consumed = 0
    private var element = ElementScan()
    private var failure: ScoreError?

    private enum State {
        case start, firstElement, element, separator, ended
    }

    public init() {}

    /// Takes the next piece of the answer. Call `next()` until it gives nil before the next piece.
    public mutating func receive(_ piece: Span<UInt8>) {
        buffer.append(piece)
    }

    /// The next score or why an element is none; nil when more bytes are needed or the array has ended.
    /// - Throws: `.json` when this is no JSON array, `.tooLong` when an element is; every later call throws it again.
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
        guard state == .ended else { throw .json(JSONError(.unexpectedEnd, at: consumed + buffer.count)) }
    }

    private mutating func advance() throws(ScoreError) -> Result<Score, ScoreError>? {
        while true {
            if element.length == 0 { drop(leadingBlanks(of: buffer.bytes)) }
            guard !buffer.isEmpty else { return nil }
            let byte = buffer.bytes[0]
            switch (state, byte) {
            case (.start, UInt8(ascii: "[")):
                state = .firstElement
                drop(1)
            case (.firstElement, UInt8(ascii: "]")), (.separator, UInt8(ascii: "]")):
                state = .ended
                drop(1)
            case (.separator, UInt8(ascii: ",")):
                state = .element
                drop(1)
            case (.firstElement, _):
                state = .element
            case (.element, UInt8(ascii: ",")), (.element, UInt8(ascii: "]")), (.element, UInt8(ascii: "}")):
                throw .json(JSONError(.unexpectedByte, at: consumed))
            case (.element, _):
                var scan = element
                let isWhole = try scan.reachesEnd(in: buffer.bytes)
                element = scan
                guard isWhole else { return nil }
                return try takeElement()
            case (.ended, _):
                throw .json(JSONError(.trailingBytes, at: consumed))
            case (.start, _), (.separator, _):
                throw .json(JSONError(.unexpectedByte, at: consumed))
            }
        }
    }

    private mutating func takeElement() throws(ScoreError) -> Result<Score, ScoreError> {
        let length = element.length
        let result: Result<Score, ScoreError>
        do throws(ScoreError) {
            result = .success(try ScoreDecoder.decode(buffer.bytes.extracting(0..<length)))
        } catch {
            if case .json(let error) = error { throw .json(JSONError(error.kind, at: consumed + error.offset)) }
            result = .failure(error)
        }
        element = ElementScan()
        state = .separator
        drop(length)
        return result
    }

    private func leadingBlanks(of bytes: Span<UInt8>) -> Int {
        for index in bytes.indices {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: continue
            default: return index
            }
        }
        return bytes.count
    }

    private mutating func drop(_ count: Int) {
        buffer.consume(count)
        consumed += count
    }
}

/// The search for the end of one element, which goes on where it stopped when more bytes came.
private struct ElementScan {
    /// Bytes of the element that were looked at.
    var length = 0
    private var level = 0
    private var isInString = false
    private var isEscaped = false

    /// Looks on from where it stopped, in bytes that start with the element.
    mutating func reachesEnd(in bytes: Span<UInt8>) throws(ScoreError) -> Bool {
        while length < bytes.count {
            guard length < ScoreLimits.elementBytes else { throw .tooLong }
            let byte = bytes[length]
            if isInString {
                length += 1
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                    if level == 0 { return true }
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                level += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // Which bracket closes which is the strict reader's business. At level 0 a bracket ends a number or a
                // literal and is not part of it.
                if level == 0 { return true }
                level -= 1
                if level == 0 {
                    length += 1
                    return true
                }
            case UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09:
                if level == 0 { return true }
            default: break
            }
            length += 1
        }
        return false
    }
}
