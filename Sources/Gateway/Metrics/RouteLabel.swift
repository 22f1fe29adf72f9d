/// The kinds of requests, as they are counted: few, whatever clients ask for.
enum RouteLabel: UInt8, CaseIterable {
    case other, listScores, postScores, score, page, feed, events, echo, health, readiness, metrics, openAPI, docs
    /// A path that exists, with another method.
    case otherMethod

    /// The values of the labels `route` and `method`.
    var labels: (route: StaticString, method: StaticString) {
        switch self {
        case .other: ("other", "any")
        case .listScores: ("/scores", "GET")
        case .postScores: ("/scores", "POST")
        case .score: ("/scores/{id}", "GET")
        case .page: ("/", "GET")
        case .feed: ("/ws/{client_id}", "GET")
        case .events: ("/events", "GET")
        case .echo: ("/ws-echo", "GET")
        case .health: ("/healthz", "GET")
        case .readiness: ("/readiness", "GET")
        case .metrics: ("/metrics", "GET")
        case .openAPI: ("/openapi.json", "GET")
        case .docs: ("/docs", "GET")
        case .otherMethod: ("known", "other")
        }
    }

    /// The statuses that are counted by themselves; the last is of all others.
    static let statuses: InlineArray<24, UInt16> = [
        200, 101, 204, 304, 400, 403, 404, 405, 408, 409, 413, 414, 415, 417, 422, 426, 431, 500, 501, 503, 505, 429,
        401,
        0,
    ]

    /// Where in `statuses`.
    static func place(of status: UInt16) -> Int {
        var place = 0
        // Nearly always the first one.
        while place < 23, statuses[place] != status { place &+= 1 }
        return place
    }
}
