/// What is wrong with the members of a submission: a set, so that judging costs nothing while nothing is wrong.
struct SubmissionFaults: OptionSet {
    let rawValue: UInt16

    static let userMissing = SubmissionFaults(rawValue: 1 << 0)
    static let userNoString = SubmissionFaults(rawValue: 1 << 1)
    static let userEmpty = SubmissionFaults(rawValue: 1 << 2)
    static let userTooLong = SubmissionFaults(rawValue: 1 << 3)
    static let userWithNUL = SubmissionFaults(rawValue: 1 << 4)
    static let userNoText = SubmissionFaults(rawValue: 1 << 5)
    static let userTwice = SubmissionFaults(rawValue: 1 << 6)
    static let scoreMissing = SubmissionFaults(rawValue: 1 << 7)
    static let scoreNoInteger = SubmissionFaults(rawValue: 1 << 8)
    static let scoreOutOfRange = SubmissionFaults(rawValue: 1 << 9)
    static let scoreTwice = SubmissionFaults(rawValue: 1 << 10)
    static let noObject = SubmissionFaults(rawValue: 1 << 11)

    /// The answer: every fault, in the order of the members.
    var problem: Problem {
        let score = "expected an integer from -2147483648 to 2147483647"
        let texts: [(SubmissionFaults, String?, String, type: String)] = [
            (.noObject, nil, "expected a JSON object", "model_attributes_type"),
            (.userMissing, "user", "member required", "missing"),
            (.userNoString, "user", "expected a string", "string_type"),
            (.userEmpty, "user", "expected at least 1 character", "string_too_short"),
            (.userTooLong, "user", "expected at most \(ScoreLimits.userCharacters) characters", "string_too_long"),
            (.userWithNUL, "user", "must not contain U+0000", "string_nul"),
            (.userNoText, "user", "contains half of a surrogate pair", "string_unicode"),
            (.userTwice, "user", "given twice", "duplicate_member"),
            (.scoreMissing, "score", "member required", "missing"),
            (.scoreNoInteger, "score", score, "int_type"),
            (.scoreOutOfRange, "score", score, "int_out_of_range"),
            (.scoreTwice, "score", "given twice", "duplicate_member"),
        ]
        return Problem(
            unprocessable: texts.filter { contains($0.0) }.map { _, member, message, type in
                Problem.Fault(["body"] + (member.map { [.name($0)] } ?? []), message, type: type)
            })
    }
}
