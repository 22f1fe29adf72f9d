/// Where in the log a subscriber goes on whose older scores came from the store.
///
/// The store's pages are looked at one after the other, and ids commit out of order: a score whose id lies within a page
/// may be committed after that page was read. It is then on the bus after that, so it comes into the log behind the
/// head the log had when the page was asked for. Who follows the log from the head of the first page's time therefore
/// has no hole, whatever is committed in between, at the price of doubles.
///
/// In a long backfill that place would fall out of the log. But an id is not taken more than `FeedLimits.overlap` ahead
/// of those still being committed, so what lies so far below the present page is settled, and the mark moves on:
///
///     ids        ─────mark.id────────candidate.id──────────── asking after ─────▶
///                       └ settled ┘        └── less than the overlap ──┘
struct BackfillMark: Equatable {
    private struct Place: Equatable {
        var id: Int64
        var position: UInt64
    }

    private var mark: Place
    private var candidate: Place

    /// - Parameters:
    ///   - id: the first page is asked for behind it.
    ///   - head: the log's, now.
    init(after id: Int64, head: UInt64) {
        mark = Place(id: id, position: head)
        candidate = mark
    }

    /// The next page is asked for.
    mutating func asking(after id: Int64, head: UInt64) {
        guard id - candidate.id >= FeedLimits.overlap else { return }
        mark = candidate
        candidate = Place(id: id, position: head)
    }

    /// All that the pages did not have is in the log from here on.
    var position: UInt64 { mark.position }
}
