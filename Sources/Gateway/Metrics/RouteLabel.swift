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

    /// How many statuses are counted by themselves, and one for all others.
    static let statusCount = 24

    /// Where a status is counted: 200 first, as nearly all are that.
    @inline(__always) static func place(of status: UInt16) -> Int {
        if status == 200 { return 0 }
        for place in 1..<statusCount - 1 where counted(place) == status { return place }
        return statusCount - 1
    }

    /// The value of the label `status`.
    static func status(at place: Int) -> String {
        counted(place).map { "\($0)" } ?? "other"
    }

    private static func counted(_ place: Int) -> UInt16? {
        let statuses: InlineArray<23, UInt16> = [
            200, 101, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 417, 422, 426, 429, 431, 500, 501,
            503,
            505,
        ]
        return place < 23 ? statuses[place] : nil
    }
}
