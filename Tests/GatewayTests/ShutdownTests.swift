import Bytes
import Testing

@testable import Gateway

@Suite struct ShutdownTests {
    private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    private let busy = Shutdown.Progress(isWorkDone: false, isClosed: false, runningCount: 2)
    private let done = Shutdown.Progress(isWorkDone: true, isClosed: false, runningCount: 2)
    private let closed = Shutdown.Progress(isWorkDone: true, isClosed: true, runningCount: 2)
    private let alone = Shutdown.Progress(isWorkDone: true, isClosed: true, runningCount: 0)

    @Test func theFirstSignalDrainsAndTheSecondEndsAtOnce() {
        var shutdown = Shutdown(hearsSignals: true)
        #expect(
            shutdown.signalled(isInterrupt: false, delay: .seconds(5), timeout: .seconds(25))
                == .drain(after: .seconds(5), spreadOver: .seconds(10)))
        // Before its own message has arrived.
        #expect(shutdown.signalled(isInterrupt: false, delay: .seconds(5), timeout: .seconds(25)) == .endAtOnce)
    }

    @Test func aPersonAtATerminalDoesNotWait() {
        var shutdown = Shutdown(hearsSignals: true)
        #expect(
            shutdown.signalled(isInterrupt: true, delay: .seconds(5), timeout: .seconds(25))
                == .drain(after: .zero, spreadOver: .zero))
    }

    @Test func stepByStep() {
        var shutdown = Shutdown(hearsSignals: true)
        #expect(shutdown.look(alone, at: at(0)) == nil && shutdown.nextLook(at(0)) == nil)
        shutdown.begin(after: .seconds(5), spreadOver: .seconds(10), timeout: .seconds(25), at: at(0))
        #expect(shutdown.look(alone, at: at(4999)) == nil && shutdown.nextLook(at(4999)) == at(5000))
        #expect(shutdown.look(done, at: at(5000)) == .drain(spreadOver: .seconds(10)))
        #expect(shutdown.look(busy, at: at(5000)) == nil && shutdown.nextLook(at(5000)) == at(5020))
        #expect(!shutdown.isClosing)
        #expect(shutdown.look(closed, at: at(6000)) == .close && shutdown.isClosing)
        #expect(shutdown.look(closed, at: at(6000)) == nil, "what was told to close has not had a turn")
        #expect(shutdown.look(done, at: at(6020)) == nil)
        #expect(shutdown.look(closed, at: at(6040)) == .leave)
        #expect(shutdown.look(closed, at: at(6040)) == nil, "the other still works, and a signal must be heard")
        #expect(shutdown.look(alone, at: at(6060)) == .stop)
        #expect(shutdown.look(alone, at: at(60_000)) == nil && shutdown.nextLook(at(6060)) == nil)
    }

    @Test(arguments: [0, 3, 8]) func atTheDeadlineItIsCutOffWhereverItStands(steps: Int) {
        var shutdown = Shutdown(hearsSignals: true)
        shutdown.begin(after: .seconds(1), spreadOver: .zero, timeout: .seconds(25), at: at(0))
        for step in 0..<steps { _ = shutdown.look(step < 4 ? done : closed, at: at(1000 + Int64(step))) }
        #expect(shutdown.nextLook(at(24_990))! <= at(25_000))  // it has not ended
        #expect(shutdown.look(closed, at: at(25_000)) == .cutOff)
        #expect(shutdown.look(alone, at: at(25_001)) == nil && shutdown.nextLook(at(25_001)) == nil)
    }

    /// Every schedule of a process of two workers, to a fixed depth: signals, messages that come late, work and
    /// connections that end or do not, and time. Wherever it stops, time alone brings it to its end.
    @Test(arguments: [Duration.zero, .milliseconds(30), .milliseconds(90)]) func everySchedule(delay: Duration) throws {
        var schedules = 0
        try explore(ShutdownModel(delay: delay), depth: 9, &schedules)
        #expect(schedules > 10_000, "the model has come to a standstill")
    }

    private func explore(_ model: ShutdownModel, depth: Int, _ schedules: inout Int) throws {
        for event in ShutdownModel.events {
            var next = model
            guard next.run(event) else { continue }
            next.schedule.append(event)
            if let fault = next.fault { try #require(Bool(false), "\(fault): \(next.schedule)") }
            if depth > 1, !next.hasEnded {
                try explore(next, depth: depth - 1, &schedules)
            } else {
                schedules += 1
                let schedule = next.schedule
                next.end()
                if let fault = next.fault { try #require(Bool(false), "\(fault): \(schedule)") }
            }
        }
    }
}

/// Two workers as `Worker` runs them: a timer each, and a mailbox each for the one message.
private struct ShutdownModel {
    enum Event {
        case signal, interrupt
        case message(Int), workDone(Int), closed(Int)
        /// To where the next timer is due, which fires.
        case timer
        /// As far as half the deadline, in which no timer fires: a turn that took long.
        case stall
    }

    static let events: [Event] = [
        .signal, .interrupt, .message(0), .message(1), .workDone(0), .workDone(1), .closed(0), .closed(1), .timer,
        .stall,
    ]

    private struct Worker {
        var shutdown: Shutdown
        var mail: (delay: Duration, spread: Duration)?
        var timer: Instant?
        var beganAt: Instant?
        var actions: [Shutdown.Action] = []
        var isWorkDone = false
        var isClosed = false
        var hasLeft: Bool { actions.contains(.leave) }
        var hasEnded: Bool { actions.last == .stop || actions.last == .cutOff }
    }

    private static let timeout: Duration = .milliseconds(100)

    private let delay: Duration
    private var now = Instant(nanoseconds: 0)
    private var workers = [
        Worker(shutdown: Shutdown(hearsSignals: true)), Worker(shutdown: Shutdown(hearsSignals: false)),
    ]
    private var signals = 0
    private var stalls = 0
    private var isKilled = false
    var schedule: [Event] = []
    private(set) var fault: String?

    init(delay: Duration) { self.delay = delay }

    var hasEnded: Bool { isKilled || workers.allSatisfy(\.hasEnded) }

    mutating func run(_ event: Event) -> Bool {
        switch event {
        case .signal: return signal(isInterrupt: false)
        case .interrupt: return signal(isInterrupt: true)
        case .message(let index):
            guard let (delay, spread) = workers[index].mail else { return false }
            workers[index].mail = nil
            workers[index].beganAt = now
            workers[index].shutdown.begin(after: delay, spreadOver: spread, timeout: Self.timeout, at: now)
            look(index)
            return true
        case .workDone(let index):
            defer { workers[index].isWorkDone = true }
            return signals > 0 && !workers[index].isWorkDone && !workers[index].hasEnded
        case .closed(let index):
            // Connections close when they are told to.
            guard workers[index].actions.contains(.close), !workers[index].hasEnded else { return false }
            defer { workers[index].isClosed = true }
            return !workers[index].isClosed
        case .timer: return fire()
        case .stall:
            guard signals > 0, stalls < 2 else { return false }
            stalls += 1
            now = now + Self.timeout / 2
            return true
        }
    }

    /// Nothing happens any more but time.
    mutating func end() {
        for index in 0...1 { _ = run(.message(index)) }
        while fire() {}
        if signals > 0, !hasEnded { fail("it never ends") }
    }

    private mutating func fail(_ text: String) { fault = fault ?? text }

    private mutating func signal(isInterrupt: Bool) -> Bool {
        // Worker 0 hears them, and there is none when it has ended.
        guard !workers[0].hasEnded else { return false }
        signals += 1
        switch workers[0].shutdown.signalled(isInterrupt: isInterrupt, delay: delay, timeout: Self.timeout) {
        case .endAtOnce:
            if signals == 1 { fail("the first signal ends it at once") }
            isKilled = true
        case .drain(let delay, let spread):
            if signals > 1 { fail("the second signal does not end it") }
            if delay + spread > Self.timeout { fail("clients are told to go after the deadline") }
            for index in 0...1 { workers[index].mail = (delay, spread) }
        }
        return true
    }

    private mutating func fire() -> Bool {
        guard let due = workers.compactMap(\.timer).min() else { return false }
        now = max(now, due)
        for index in 0...1 where workers[index].timer.map({ $0 <= now }) == true {
            workers[index].timer = nil
            look(index)
        }
        return true
    }

    private mutating func look(_ index: Int) {
        while let action = workers[index].shutdown.look(progress(index), at: now) {
            check(action, index)
            workers[index].actions.append(action)
        }
        workers[index].timer = workers[index].shutdown.nextLook(now)
        if let timer = workers[index].timer, let began = workers[index].beganAt, timer > began + Self.timeout {
            fail("the deadline is slept through")
        }
    }

    private func progress(_ index: Int) -> Shutdown.Progress {
        Shutdown.Progress(
            isWorkDone: workers[index].isWorkDone, isClosed: workers[index].isClosed,
            runningCount: workers.count { !$0.hasLeft })
    }

    private mutating func check(_ action: Shutdown.Action, _ index: Int) {
        let worker = workers[index]
        guard let began = worker.beganAt else { return fail("\(action) without a message") }
        if worker.hasEnded { fail("\(action) after the end") }
        let isLate = now >= began + Self.timeout
        if isLate != (action == .cutOff) { fail("\(action) at the wrong side of the deadline") }
        switch action {
        case .drain:
            if !worker.actions.isEmpty { fail("drained twice") }
            if schedule.contains(where: { if case .interrupt = $0 { true } else { false } }) { break }
            if now < began + delay { fail("drained too early") }
        case .close:
            if worker.actions.count != 1 { fail("closed at the wrong time") }
            if !worker.isWorkDone { fail("closed before the work was done") }
        case .leave:
            if worker.actions.count != 2 { fail("left at the wrong time") }
            if !worker.isClosed { fail("left before all was closed") }
        case .stop:
            if worker.actions.count != 3 { fail("stopped at the wrong time") }
            if index == 0, !workers[1].hasLeft { fail("nobody hears a second signal") }
        case .cutOff: break
        }
    }
}
