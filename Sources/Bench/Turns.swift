/// Takes its members in turn, so that each has its share. Who is not free when its turn comes is taken out, and comes
/// back by `append`.
struct Turns<Member> {
    private var members: [Member] = []
    private var place = 0

    mutating func append(_ member: Member) {
        members.append(member)
    }

    /// The next one that is free; nil when none is.
    /// - Parameter left: told of each that was taken out on the way.
    mutating func next(_ isFree: (Member) -> Bool, left: (Member) -> Void) -> Member? {
        while !members.isEmpty {
            if place >= members.count { place = 0 }
            let member = members[place]
            if isFree(member) {
                place += 1
                return member
            }
            left(member)
            members.swapAt(place, members.count - 1)
            members.removeLast()
        }
        return nil
    }
}
