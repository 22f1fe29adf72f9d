import Bytes
import CLinux
import Glibc
import Histogram
import Reactor

/// One run, on the main thread: commands the load reactors through its phases, watches the server's processes, and puts
/// together what was found.
///
///     connecting → warm-up → measuring → settling → finished
///
/// Every phase has an end by the clock. The first SIGINT or SIGTERM goes to settling at once, so that the report comes
/// all the same; the second ends the program.
final class LoadRun: MailboxReceiver<LoadMessage> {
    private enum Phase {
        case connecting, warmUp, measuring, settling, finishing

        var name: Report.Moment.Phase {
            switch self {
            case .connecting: .connecting
            case .warmUp: .warmUp
            case .measuring: .measuring
            case .settling, .finishing: .settling
            }
        }
    }

    private enum Timer: UInt32 {
        case phase, storm
    }

    private let plan: LoadPlan
    private let reactor: Reactor
    private let messages: Mailbox<LoadMessage>
    private var commands: [Mailbox<LoadCommand>] = []
    private var phase = Phase.connecting
    private var phaseTimer = TimerToken.none
    private var measuredFrom = Instant(nanoseconds: 0)
    private var measuredSeconds = 0.0
    private var startedAt: Int64 = 0
    private var isCutShort = false
    private var signals = 0
    private var samples: [LoadSample] = []
    private var latest: [Int: LoadSample] = [:]
    private var former = LoadCounters()
    private var results: [LoadResult] = []
    private var addresses: [SocketAddress] = []
    private var feedAddresses: [SocketAddress] = []
    private var failure: LoadFailure?
    private var watch: ProcessWatch
    private var timeline: [Report.Moment] = []
    private var warnings: [String] = []
    private var isComplete = true
    /// Told of every second, for a progress line.
    private let progress: (@Sendable (Report.Moment) -> Void)?

    init(
        _ reactor: Reactor, _ plan: LoadPlan, progress: (@Sendable (Report.Moment) -> Void)?
    ) throws(SystemError) {
        self.plan = plan
        self.reactor = reactor
        self.progress = progress
        watch = ProcessWatch(plan.processes.map { ServerProcess($0) })
        messages = try Mailbox()
        try super.init(reactor, messages)
    }

    func carryOut() throws(LoadFailure) -> Report {
        reactor.resolve(plan.target.resolvableHost, port: plan.target.port, for: self, tag: 0)
        if let feed = plan.feed {
            reactor.resolve(feed.target.resolvableHost, port: feed.target.port, for: self, tag: 1)
        }
        let tag = UInt16.random(in: 0...UInt16.max)
        let plan = plan
        let messages = messages
        var threads: [LoadThread] = []
        do throws(SystemError) {
            for index in 0..<plan.threads {
                let mailbox = try Mailbox<LoadCommand>()
                commands.append(mailbox)
                threads.append(try LoadThread(plan, index: index, tag: tag, commands: mailbox, run: messages))
            }
        } catch {
            throw LoadFailure(description: "cannot start a load reactor: \(error)")
        }
        reactor.run()
        for thread in threads { thread.join() }
        if let failure { throw failure }
        return report()
    }

    // MARK: Phases

    override func resolved(_ addresses: [SocketAddress], error: ResolveError?, tag: UInt32) {
        guard !addresses.isEmpty else {
            fail(error?.description ?? "the name has no address")
            return
        }
        if tag == 0 {
            self.addresses = addresses
        } else {
            // The sources are of IPv4, and from one nobody connects to IPv6.
            let usable = plan.feed?.sources ?? 0 > 0 ? addresses.filter { $0.family == AF_INET } : addresses
            guard !usable.isEmpty else {
                fail("the feed has no IPv4 address, which its sources need")
                return
            }
            feedAddresses = usable
        }
        guard !self.addresses.isEmpty, plan.feed == nil || !feedAddresses.isEmpty else { return }
        tell(.connect(self.addresses, feed: feedAddresses))
        let ramp = plan.feed.map { Double($0.subscribers) / $0.ramp } ?? 0
        arm(BenchLimits.connect + .seconds(ramp) + .seconds(5))
    }

    private func advance() {
        switch phase {
        case .connecting:
            phase = .warmUp
            tell(.begin)
            arm(plan.warmUp)
        case .warmUp:
            phase = .measuring
            startedAt = reactor.unixSeconds
            measuredFrom = Reactor.monotonic()
            tell(.measure)
            watch.begin()
            arm(plan.duration)
            if plan.feed?.stormShare ?? 0 > 0 {
                _ = reactor.schedule(self, at: reactor.now + plan.duration / 2, tag: Timer.storm.rawValue)
            }
        case .measuring: settle()
        case .settling: finish()
        case .finishing:
            // A load reactor that does not answer: what the others found is still worth something.
            warnings.append("a load reactor did not end in time: its part is missing")
            reactor.stop()
        }
    }

    private func settle() {
        if phase == .measuring {
            measuredSeconds = Double((Reactor.monotonic() - measuredFrom).wholeNanoseconds) / 1e9
            watch.end()
        }
        phase = .settling
        tell(.settle)
        arm(BenchLimits.settling)
    }

    private func finish() {
        if phase == .settling, !latest.values.allSatisfy(\.isSettled) {
            warnings.append("not settled: what was still on its way at the end of the run counts as lost")
        }
        phase = .finishing
        tell(.finish)
        arm(BenchLimits.settling)
    }

    private func fail(_ why: String) {
        failure = failure ?? LoadFailure(description: why)
        finish()
    }

    /// SIGINT or SIGTERM.
    fileprivate func interrupted() {
        signals += 1
        isCutShort = true
        if signals > 1 { exit(130) }
        switch phase {
        case .connecting: fail("interrupted before anything was measured")
        case .warmUp: fail("interrupted before anything was measured")
        case .measuring: settle()
        case .settling: finish()
        case .finishing: break
        }
    }

    private func tell(_ command: LoadCommand) {
        for mailbox in commands { mailbox.post(command) }
    }

    private func arm(_ span: Duration) {
        reactor.cancel(phaseTimer)
        phaseTimer = reactor.schedule(self, at: reactor.now + span, tag: Timer.phase.rawValue)
    }

    override func timerFired(_ tag: UInt32) {
        switch Timer(rawValue: tag) {
        case .storm: if phase == .measuring { tell(.storm) }
        case .phase:
            if phase == .connecting {
                guard latest.values.contains(where: { $0.connects > 0 }) else {
                    fail("nothing came up: \(trouble)")
                    return
                }
                isComplete = false
            }
            advance()
        case nil: break
        }
    }

    // MARK: What the load reactors tell

    override func receive(_ message: LoadMessage) {
        switch message {
        case .sample(let sample):
            latest[sample.worker] = sample
            samples.append(sample)
            if samples.count >= commands.count { second() }
        case .finished(let result):
            results.append(result)
            if results.count == commands.count { reactor.stop() }
        }
    }

    private func second() {
        var moment = Report.Moment(second: timeline.count + 1, phase: phase.name)
        let sum = latest.values.reduce(into: LoadCounters()) { $0 = $0 + $1.counters }
        let change = sum - former
        former = sum
        moment.answers = change.answers
        moment.scores = change.scores + change.published
        moment.deliveries = change.deliveries
        moment.failures = change.failures
        moment.subscribers = latest.values.reduce(0) { $0 + $1.subscribers }
        moment.clientBusy = samples.map(\.busy).max() ?? 0
        (moment.answerP50, moment.answerP99) = Self.percentiles(samples.compactMap(\.answers))
        (moment.deliveryP50, moment.deliveryP99) = Self.percentiles(samples.compactMap(\.deliveries))
        (moment.serverCPU, moment.serverMemory) = watch.second()
        samples.removeAll(keepingCapacity: true)
        timeline.append(moment)
        progress?(moment)
        if phase == .connecting, latest.count == commands.count, latest.values.allSatisfy(\.isConnected) {
            advance()
        } else if phase == .connecting, isHopeless {
            fail("nothing came up: \(trouble)")
        } else if phase == .settling, latest.values.allSatisfy(\.isSettled) {
            finish()
        }
    }

    /// Many tries, and none that came up: the rest need not be waited for.
    private var isHopeless: Bool {
        timeline.count >= 3 && latest.values.allSatisfy { $0.connects == 0 && $0.trouble != nil }
    }

    private var trouble: String {
        latest.values.compactMap(\.trouble).first ?? "no answer from \(plan.target.text)"
    }

    private static func percentiles(_ parts: [Histogram<UInt64>]) -> (UInt64?, UInt64?) {
        guard var sum = parts.first else { return (nil, nil) }
        for part in parts.dropFirst() { sum.add(part) }
        return (sum.valueAtPercentile(50), sum.valueAtPercentile(99))
    }

    // MARK: The report

    private func report() -> Report {
        var findings = LoadFindings(plan, results, timeline, watch)
        findings.seconds = measuredSeconds
        findings.isComplete = isComplete
        return Report(
            scenario: plan.scenario, target: plan.target.text, startedAt: startedAt, seconds: measuredSeconds,
            isCutShort: isCutShort, settings: plan.settings, machine: .here, metrics: findings.metrics(),
            latencies: findings.latencies(), timeline: timeline, warnings: warnings + findings.warnings())
    }
}

/// Ctrl-C.
private final class RunSignals: Signals {
    private unowned let run: LoadRun

    init(_ reactor: Reactor, _ run: LoadRun) throws(SystemError) {
        self.run = run
        try super.init(reactor)
    }

    override func received(_ number: Int32) {
        if number == SIGINT || number == SIGTERM { run.interrupted() }
    }
}

/// Why there is nothing to report: nobody answers, a name that is not known.
public struct LoadFailure: Error, CustomStringConvertible {
    public let description: String
}

extension LoadPlan {
    /// Does what the plan says and reports. Blocks until it is done.
    /// - Parameter progress: told of every second as it ends.
    public func run(progress: (@Sendable (Report.Moment) -> Void)? = nil) throws(LoadFailure) -> Report {
        Signals.block()
        // Ten thousand subscribers need as many descriptors.
        _ = clinux_raise_open_files()
        let run: LoadRun
        let signals: RunSignals
        do throws(SystemError) {
            let reactor = try Reactor()
            run = try LoadRun(reactor, self, progress: progress)
            signals = try RunSignals(reactor, run)
        } catch {
            throw LoadFailure(description: "cannot start: \(error)")
        }
        return try withExtendedLifetime(signals) { () throws(LoadFailure) -> Report in try run.carryOut() }
    }
}
