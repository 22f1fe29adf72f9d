/// What a load reactor counts, from its beginning on. A stretch of time is the difference of two.
struct LoadCounters: Equatable, Sendable {
    var answers = 0
    /// Accepted: in requests answered with 2xx.
    var scores = 0
    /// Bytes of content of the answers.
    var contentBytes = 0
    /// Answers other than 2xx, by their status class 3xx, 4xx, 5xx.
    var refusals = 0
    /// Requests whose connection was lost, or that were given up.
    var lostRequests = 0
    var timeouts = 0
    /// Arrivals that were never sent, and messages never confirmed.
    var droppedArrivals = 0
    /// TCP connects, or handshakes, that failed.
    var failedConnects = 0
    var connects = 0
    /// Connections that the server ended between answers.
    var serverCloses = 0
    /// Feed connections that ended without our will.
    var disconnects = 0
    var reconnects = 0
    var deliveries = 0
    var deliveredBytes = 0
    var doubles = 0
    var repeated = 0
    var past = 0
    var unjudged = 0
    /// Of messages for which the ledger had no room.
    var beyond = 0
    var published = 0
    /// Connections to the server, or the broker, that ended when they should not.
    var brokenConnections = 0

    /// Answers that are what was asked for.
    var successes: Int { answers - refusals }

    var failures: Int { refusals + lostRequests + failedConnects + disconnects + droppedArrivals }

    static func - (left: LoadCounters, right: LoadCounters) -> LoadCounters {
        left.combined(with: right, -)
    }

    static func + (left: LoadCounters, right: LoadCounters) -> LoadCounters {
        left.combined(with: right, +)
    }

    private static let members: [any WritableKeyPath<LoadCounters, Int> & Sendable] = [
        \.answers, \.scores, \.contentBytes, \.refusals, \.lostRequests, \.timeouts, \.droppedArrivals,
        \.failedConnects, \.connects, \.serverCloses, \.disconnects, \.reconnects, \.deliveries, \.deliveredBytes,
        \.doubles,
        \.repeated, \.past, \.unjudged, \.beyond, \.published, \.brokenConnections,
    ]

    private func combined(with other: LoadCounters, _ operation: (Int, Int) -> Int) -> LoadCounters {
        var result = self
        for member in Self.members {
            result[keyPath: member] = operation(self[keyPath: member], other[keyPath: member])
        }
        return result
    }
}
