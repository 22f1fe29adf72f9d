/// What one run of the load tool found: all that its table, its JSON and its page show, and what expectations and
/// comparisons look at. A value without behaviour; `ReportEncoder` and `ReportDecoder` are its form on disk.
public struct Report: Equatable, Sendable {
    /// `ingest`, `read`, `fanout`, `mixed` or `soak`.
    public var scenario: String
    /// The URL under load.
    public var target: String
    /// Seconds since the Unix epoch, when measuring began.
    public var startedAt: Int64
    /// How long was measured, in seconds: without the ramp, the warm-up and the settling afterwards.
    public var seconds: Double
    /// Whether the run was cut short (Ctrl-C), so that `seconds` is less than was asked for.
    public var isCutShort: Bool
    /// The options in force, in the order of the help.
    public var settings: [Setting]
    public var machine: Machine
    /// In the order in which they are shown.
    public var metrics: [Metric]
    public var latencies: [Latency]
    /// One entry a second, the ramp and the warm-up among them.
    public var timeline: [Moment]
    /// What a reader must know before they believe the figures: a client that was the bottleneck, connections refused.
    public var warnings: [String]

    public init(
        scenario: String, target: String, startedAt: Int64, seconds: Double, isCutShort: Bool, settings: [Setting],
        machine: Machine, metrics: [Metric], latencies: [Latency], timeline: [Moment], warnings: [String]
    ) {
        self.scenario = scenario
        self.target = target
        self.startedAt = startedAt
        self.seconds = seconds
        self.isCutShort = isCutShort
        self.settings = settings
        self.machine = machine
        self.metrics = metrics
        self.latencies = latencies
        self.timeline = timeline
        self.warnings = warnings
    }

    /// Whether the run had subscribers: then it is about deliveries, else about answers.
    public var isOfFeed: Bool { metrics.contains { $0.name == "deliveries" } }

    /// Whether anything of what the run is about came within the measured time.
    public var hasMeasuredAnything: Bool {
        let names = isOfFeed ? ["deliveries"] : ["requests", "refused"]
        return metrics.contains { names.contains($0.name) && $0.value > 0 }
    }

    /// An option and its value as typed.
    public struct Setting: Equatable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Where the load tool ran.
    public struct Machine: Equatable, Sendable {
        public var processor: String
        public var cores: Int
        public var kernel: String

        public init(processor: String, cores: Int, kernel: String) {
            self.processor = processor
            self.cores = cores
            self.kernel = kernel
        }
    }

    /// One figure. The name is what `--expect` and `compare` know it by.
    public struct Metric: Equatable, Sendable {
        public enum Unit: String, Equatable, Sendable, CaseIterable {
            case count, perSecond, perCPUSecond, seconds, microseconds, bytes, ratio
        }

        public enum Better: String, Equatable, Sendable, CaseIterable {
            case higher, lower, neither
        }

        /// In snake case: `deliveries_per_second`.
        public var name: String
        /// For people: "deliveries a second".
        public var title: String
        public var value: Double
        public var unit: Unit
        public var better: Better

        public init(_ name: String, _ title: String, _ value: Double, _ unit: Unit, better: Better = .neither) {
            self.name = name
            self.title = title
            self.value = value
            self.unit = unit
            self.better = better
        }
    }

    /// A distribution of latencies, in nanoseconds, from an HdrHistogram with three significant digits.
    public struct Latency: Equatable, Sendable {
        public struct Point: Equatable, Sendable {
            /// 0 … 100.
            public var percentile: Double
            public var nanoseconds: UInt64

            public init(percentile: Double, nanoseconds: UInt64) {
                self.percentile = percentile
                self.nanoseconds = nanoseconds
            }
        }

        /// `answer`, `delivery` or `connect`.
        public var name: String
        /// All that were due, `unanswered` among them.
        public var count: UInt64
        public var mean: Double
        public var min: UInt64
        public var max: UInt64
        /// p50, p75, p90, p95, p99, p99.9, p99.99.
        public var percentiles: [Point]
        /// The whole curve, ever finer towards 100: HdrHistogram's percentile iteration.
        public var curve: [Point]
        /// Those that never got an answer, refused and undelivered ones among them. They count as longer than any that
        /// did, so that what falls among them is a lower bound; and with them the mean and the maximum are.
        public var unanswered: UInt64

        public init(
            name: String, count: UInt64, mean: Double, min: UInt64, max: UInt64, percentiles: [Point], curve: [Point],
            unanswered: UInt64 = 0
        ) {
            self.name = name
            self.count = count
            self.mean = mean
            self.min = min
            self.max = max
            self.percentiles = percentiles
            self.curve = curve
            self.unanswered = unanswered
        }

        /// Whether a percentile falls among those that never got an answer.
        public func isLowerBound(at percentile: Double) -> Bool {
            percentile * Double(count) > 100 * (Double(count) - Double(unanswered))
        }
    }

    /// What happened within one second.
    public struct Moment: Equatable, Sendable {
        public enum Phase: String, Equatable, Sendable, CaseIterable {
            case connecting, warmUp, measuring, settling
        }

        /// Since the start of the run.
        public var second: Int
        public var phase: Phase
        /// Requests answered, scores accepted in them, messages delivered, failures of any kind.
        public var answers = 0
        public var scores = 0
        public var deliveries = 0
        public var failures = 0
        public var subscribers = 0
        /// Nanoseconds; nil where nothing was measured.
        public var answerP50: UInt64?
        public var answerP99: UInt64?
        public var deliveryP50: UInt64?
        public var deliveryP99: UInt64?
        /// Of the processes named by `--pid`: CPU-seconds used within this second, and resident bytes at its end.
        public var serverCPU: Double?
        public var serverMemory: Int?
        /// The busiest reactor of the load tool, 0 … 1.
        public var clientBusy = 0.0

        public init(second: Int, phase: Phase) {
            self.second = second
            self.phase = phase
        }
    }
}
