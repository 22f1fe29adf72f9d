import Bytes
import JSON

/// Judges many scores that a client wants stored, as the body arrives in pieces: the body of `POST /scores` when it is a
/// JSON array, or newline-delimited JSON (`application/x-ndjson`).
///
///     [{"user":"ada","score":3},{"user":"bob","score":5}]        elements, named from 0
///
///     {"user":"ada","score":3}⏎                                  lines, named from 1, blank ones counted
///     {"user":"bob","score":5}⏎
///
/// Each one is judged by `ScoreSubmission`, where it lies; only one that was cut is copied. So what is kept is less than
/// one element, and how the bytes were cut never changes the rows or the problem.
public struct ScoreBatchDecoder: ~Copyable {
    public enum Form: Sendable {
        case array
        /// `\n` or `\r\n` ends a line, which the last one may lack. Blank lines are passed over.
        case lines
    }

    /// What the first piece of a body of `application/json` says about the rest.
    public enum Opening: Equatable, Sendable {
        /// Blanks so far (or nothing): the next piece will say it.
        case undecided
        case array
        /// One object, or no JSON at all.
        case other
    }

    /// Scores that were accepted.
    public private(set) var count = 0
    private let form: Form
    private var splitter = ArraySplitter()
    /// The element or line under way, as it is named to the client.
    private var place: Int
    /// What came of it, when it was cut.
    private var kept = ByteBuffer()
    private var failure: Problem?

    public init(_ form: Form) {
        self.form = form
        place = form == .array ? 0 : 1
    }

    /// What the first byte that is no blank begins.
    public static func opening(of piece: Span<UInt8>) -> Opening {
        for index in piece.indices {
            switch piece[index] {
            case 0x20, 0x0A, 0x0D, 0x09: continue
            case UInt8(ascii: "["): return .array
            default: return .other
            }
        }
        return .undecided
    }

    /// Takes the next piece of the body, and appends a row for every element or line that is complete with it.
    /// - Throws: status 400 for what is not JSON, 422 for JSON that is no score; every later call throws it again.
    public mutating func receive(_ piece: Span<UInt8>, into rows: inout ScoreRows) throws(Problem) {
        if let failure { throw failure }
        do throws(Problem) {
            try take(piece, into: &rows)
        } catch {
            failure = error
            throw error
        }
    }

    /// The body is complete.
    /// - Throws: when the array is not, or the last line is no score.
    public mutating func finish(into rows: inout ScoreRows) throws(Problem) {
        if let failure { throw failure }
        do throws(Problem) {
            switch form {
            case .array:
                guard splitter.hasEnded else {
                    throw Problem(notJSON: JSONError(.unexpectedEnd, at: splitter.offset))
                }
            case .lines:
                let before = rows.count
                try judge(kept.bytes, into: &rows)
                count += rows.count - before
                kept.removeAll()
            }
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func take(_ piece: Span<UInt8>, into rows: inout ScoreRows) throws(Problem) {
        var position = 0
        while let part = try nextPart(piece, from: &position) {
            guard kept.count + part.range.count <= ScoreLimits.elementBytes else {
                throw Problem(oversized: form, place)
            }
            if !part.isLast || !kept.isEmpty { kept.append(piece.extracting(part.range)) }
            guard part.isLast else { return }
            let before = rows.count
            if kept.isEmpty {
                try judge(piece.extracting(part.range), into: &rows)
            } else {
                try judge(kept.bytes, into: &rows)
                kept.removeAll()
            }
            count += rows.count - before
            place += 1
        }
    }

    private mutating func nextPart(_ piece: Span<UInt8>, from position: inout Int) throws(Problem) -> ElementPart? {
        switch form {
        case .lines: return LineSplitter.next(piece, from: &position)
        case .array:
            do throws(JSONError) {
                return try splitter.next(piece, from: &position)
            } catch {
                throw Problem(notJSON: error)
            }
        }
    }

    /// Appends the row of a whole element or line; none of a blank line.
    private borrowing func judge(_ text: Span<UInt8>, into rows: inout ScoreRows) throws(Problem) {
        var text = text
        if form == .lines {
            guard let contents = LineSplitter.contents(of: text) else { return }
            text = contents
        }
        do throws(Problem) {
            rows.append(try ScoreSubmission.parse(text), from: text)
        } catch {
            throw error.of(form, place)
        }
    }
}

extension Problem {
    /// 422: an element or line is longer than is worth keeping until it is whole.
    fileprivate init(oversized form: ScoreBatchDecoder.Form, _ place: Int) {
        let fault = Fault(["body"], "longer than \(ScoreLimits.elementBytes) bytes", type: "too_long")
        self = Problem(unprocessable: [fault]).of(form, place)
    }

    /// The same problem, of one among many: `element 17: …`, and the place in every location.
    fileprivate func of(_ form: ScoreBatchDecoder.Form, _ place: Int) -> Problem {
        var problem = self
        // What is wrong with the whole of it is not wrong with the body.
        let what = faults.count == 1 && faults[0].location == ["body"] ? faults[0].message : detail
        problem.detail = "\(form == .array ? "element" : "line") \(place): \(what)"
        for index in faults.indices { problem.faults[index].location.insert(.index(place), at: 1) }
        return problem
    }
}
