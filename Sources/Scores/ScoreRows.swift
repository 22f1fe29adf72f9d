import Bytes
import JSON

/// Scores that wait to be stored, column by column, as `unnest($1::text[], $2::int4[])` takes them:
///
///     users     a d a b o b j ö r g e n …       one after the other, UTF-8
///     userEnds        3     6           13 …    where each ends in `users`
///     scores          3     5            7 …
public struct ScoreRows: Equatable, Sendable {
    public private(set) var users: [UInt8] = []
    public private(set) var userEnds: [Int32] = []
    public private(set) var scores: [Int32] = []

    public init() {}

    public var count: Int { scores.count }

    /// What they take.
    public var bytes: Int { users.count + 8 * scores.count }

    /// The name in row `index`.
    @_lifetime(borrow self)
    public func user(at index: Int) -> Span<UInt8> {
        users.span.extracting(userRange(index))
    }

    /// Appends a row. `body` is what the submission was parsed from.
    public mutating func append(_ submission: ScoreSubmission, from body: Span<UInt8>) {
        do throws(JSONError) {
            try submission.user.decode(from: body, to: &users)
        } catch {
            preconditionFailure("a submission's name is text")
        }
        userEnds.append(Int32(users.count))
        scores.append(submission.score)
    }

    /// Appends all rows of another one.
    public mutating func append(contentsOf rows: ScoreRows) {
        let start = Int32(users.count)
        users += rows.users
        userEnds.reserveCapacity(userEnds.count + rows.count)
        for end in rows.userEnds { userEnds.append(start + end) }
        scores += rows.scores
    }

    /// Drops all rows and keeps the memory.
    public mutating func removeAll() {
        users.removeAll(keepingCapacity: true)
        userEnds.removeAll(keepingCapacity: true)
        scores.removeAll(keepingCapacity: true)
    }

    /// The rows of `range` alone.
    public func rows(_ range: Range<Int>) -> ScoreRows {
        let start = range.isEmpty ? 0 : userRange(range.lowerBound).lowerBound
        let end = range.isEmpty ? 0 : Int(userEnds[range.upperBound - 1])
        var part = ScoreRows()
        part.users = Array(users[start..<end])
        part.userEnds = userEnds[range].map { $0 - Int32(start) }
        part.scores = Array(scores[range])
        return part
    }

    private func userRange(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(userEnds[index - 1]))..<Int(userEnds[index])
    }
}
