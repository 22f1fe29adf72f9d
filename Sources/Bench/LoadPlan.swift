import AMQP

/// What a run does. Numbers are for the whole run; each load reactor takes its share.
public struct LoadPlan: Sendable {
    public var scenario: String
    public var target: Target
    /// Load reactors, each on a thread of its own.
    public var threads = 1
    /// How long before measuring begins, and how long is measured.
    public var warmUp: Duration = .seconds(1)
    public var duration: Duration = .seconds(10)
    public var requests: Requests?
    public var feed: Feed?
    public var broker: Broker?
    /// Processes whose CPU time and memory are watched: the server's.
    public var processes: [Int32] = []
    /// As typed, for the report.
    public var settings: [Report.Setting] = []

    public init(scenario: String, target: Target) {
        self.scenario = scenario
        self.target = target
    }

    /// Requests over HTTP/1.1.
    public struct Requests: Sendable {
        public enum Kind: Sendable, Equatable {
            case get
            /// Posts so many scores a request.
            case post(ScoreBody, count: Int)
        }

        public var kind: Kind
        /// Below the target's prefix, with its query.
        public var path: String
        public var connections = 64
        /// Requests on their way on one connection.
        public var pipelining = 1
        /// Requests a second, all connections together; nil: a closed loop, each answer is followed by a request.
        public var rate: Double?
        /// Requests of an open loop that are due at the same instant.
        public var burst = 1
        /// Sent as `Authorization: Bearer`.
        public var token: String?

        public init(_ kind: Kind, path: String) {
            self.kind = kind
            self.path = path
        }

        var scoresPerRequest: Int {
            switch kind {
            case .get: 0
            case .post(_, let count): count
            }
        }
    }

    /// Subscribers of the live feed.
    public struct Feed: Sendable {
        public var target: Target
        /// Below the target's prefix; `{id}` stands for the subscriber's number.
        public var path = "/ws/{id}"
        public var subscribers = 1_000
        /// Connects a second.
        public var ramp = 2_000.0
        /// Addresses 127.0.0.1, 127.0.0.2, … to connect from; 0: as the kernel chooses.
        public var sources = 0
        /// The share of subscribers that read once a second only, 0 … 1. They are not judged.
        public var slowShare = 0.0
        /// The share that drops its connection in the middle of the measured time and comes back at once, 0 … 1.
        public var stormShare = 0.0

        public init(target: Target) {
            self.target = target
        }
    }

    /// Messages published straight to the broker, past the service that stores them.
    public struct Broker: Sendable {
        public var configuration: AMQPConfiguration
        public var exchange = "scores"
        /// Scores a second, and how many of them in one message.
        public var rate = 20.0
        public var burst = 1

        public init(_ configuration: AMQPConfiguration) {
            self.configuration = configuration
        }
    }

    /// The n-th of `threads` equal parts of a number, remainders first.
    static func share(_ total: Int, _ index: Int, of threads: Int) -> Int {
        total / threads + (index < total % threads ? 1 : 0)
    }
}
