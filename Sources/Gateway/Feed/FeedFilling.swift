import Bytes

/// What a log has when it was filled from the history.
package struct FeedFilling: Equatable {
    /// Of the stored scores with ids up to this one it may lack some.
    let floor: Int64
    /// How many ids are taken in `FeedLimits.late`.
    let lateIDs: Int64
    /// What came by the bus since then is in it.
    let since: Instant

    package init(floor: Int64, lateIDs: Int64, since: Instant) {
        self.floor = floor
        self.lateIDs = lateIDs
        self.since = since
    }

    /// The history is out of reach: readers get what there is.
    static let none = FeedFilling(floor: .max, lateIDs: 0, since: .distantFuture)
}
