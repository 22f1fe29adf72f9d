/// Where in the log a subscriber goes on whose older scores came from the store.
///
/// The store's pages are looked at one after the other, and ids commit out of order: a score whose id lies within a page
/// may be committed after that page was read. It is then on the bus after that, so it comes into the log behind the
/// head the log had when the page was asked for. Who follows the log from the head of the first page's time therefore
/// has no hole, whatever is committed in between, at the price of doubles.
///
/// In a long backfill that place would fall out of the log. But as long as all that came behind the mark has ids which
/// the pages have still to reach, they will bring it, for it is committed; so the mark moves on to the head:
///
///     ids   ─── pages read ───▶ id            lowest id behind the mark ──── highest ─▶
///
/// And what is above the highest id the log had at the mark need not come from the pages: it comes behind the mark.
/// They end there, or a reader could have a score of this minute before one that was committed earlier.
///
/// A log may not know that id: it was never filled, or scores came without one. The store then says first what its
/// newest is, after the mark was made, and the pages end with that. Such a mark does not move.
struct BackfillMark: Equatable {
    /// What must be known of the log: its head, and the highest id it had; nil when it may have had a higher one.
    struct Place: Equatable {
        let position: UInt64
        let highest: Int64?
    }

    private(set) var place: Place
    private var newest: Int64?

    init(_ place: Place) {
        self.place = place
    }

    /// The id with which the pages end; nil when the store must be asked for its newest.
    var end: Int64? { place.highest ?? newest }

    /// The store's newest id at the mark, or later.
    mutating func end(with newest: Int64) {
        self.newest = newest
    }

    /// The next page is asked for.
    /// - Parameter lowest: no lower id has come behind the mark.
    mutating func asking(after id: Int64, _ present: Place, lowest: Int64) {
        if id < lowest { place = present }
    }

    /// All that the pages did not have is in the log from here on.
    var position: UInt64 { place.position }
}
