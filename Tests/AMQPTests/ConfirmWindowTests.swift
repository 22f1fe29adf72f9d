import Testing

@testable import AMQP

@Suite struct ConfirmWindowTests {
    private func window(_ limit: Int, tickets: ClosedRange<UInt64>) -> ConfirmWindow {
        var window = ConfirmWindow(limit: limit)
        for ticket in tickets { window.append(ticket) }
        return window
    }

    private func settled(_ window: inout ConfirmWindow, _ tag: UInt64, multiple: Bool) throws -> [UInt64] {
        try window.covered(by: tag, multiple: multiple).compactMap { window.settle($0) }
    }

    @Test func singleConfirmsInAnyOrder() throws {
        var window = window(4, tickets: 101...104)
        #expect(window.isFull)
        #expect(try settled(&window, 3, multiple: false) == [103])
        // The first is still out: the third's room is not free yet.
        #expect(window.isFull)
        #expect(try settled(&window, 1, multiple: false) == [101])
        #expect(window.count == 3)
        #expect(try settled(&window, 2, multiple: false) == [102])
        #expect(window.count == 1)
        #expect(try settled(&window, 4, multiple: false) == [104])
        #expect(window.count == 0)
    }

    @Test func multipleCoversAllBelowThatAreStillOut() throws {
        var window = window(8, tickets: 1...6)
        #expect(try settled(&window, 2, multiple: false) == [2])
        #expect(try settled(&window, 4, multiple: true) == [1, 3, 4])
        #expect(try settled(&window, 4, multiple: true) == [])
        #expect(try settled(&window, 3, multiple: true) == [])
        #expect(try settled(&window, 1, multiple: false) == [])
        // Tag 0 with multiple: all (section 1.8.3.13).
        #expect(try settled(&window, 0, multiple: true) == [5, 6])
        #expect(window.count == 0)
    }

    @Test(arguments: [(UInt64(0), false), (4, false), (4, true), (.max, true)])
    func aTagThatWasNeverPublishedIsAnError(_ tag: UInt64, _ multiple: Bool) {
        let window = window(8, tickets: 1...3)
        #expect(throws: AMQPError.malformed("confirm of delivery tag \(tag), published: 3")) {
            try window.covered(by: tag, multiple: multiple)
        }
    }

    @Test func whatIsLeftAfterALossComesInOrderAndTheNumbersBeginAnew() throws {
        var window = window(8, tickets: 11...16)
        _ = try settled(&window, 2, multiple: false)
        _ = try settled(&window, 5, multiple: false)
        var left: [UInt64] = []
        while let ticket = window.takeUnsettled() { left.append(ticket) }
        #expect(left == [11, 13, 14, 16])
        #expect(window.count == 0)
        window.append(99)
        #expect(try settled(&window, 1, multiple: false) == [99])
    }

    /// Against a plain dictionary, over many random steps: what is published is answered once or handed back once.
    @Test(arguments: [UInt64(1), 2, 3]) func agreesWithAPlainModel(_ seed: UInt64) throws {
        var generator = Generator(state: seed)
        var window = ConfirmWindow(limit: 17)
        var model: [UInt64: UInt64] = [:]  // tag to ticket, of those without an answer
        var nextTag: UInt64 = 1
        var ticket: UInt64 = 1000
        for _ in 0..<20_000 {
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<50:
                guard !window.isFull else { break }
                window.append(ticket)
                model[nextTag] = ticket
                nextTag += 1
                ticket += 1
            case 50..<99:
                guard nextTag > 1 else { break }
                let tag = UInt64.random(in: max(1, nextTag &- min(nextTag, 25))..<nextTag, using: &generator)
                let multiple = Bool.random(using: &generator)
                let expected = model.filter { multiple ? $0.key <= tag : $0.key == tag }.sorted { $0.key < $1.key }
                #expect(try settled(&window, tag, multiple: multiple) == expected.map(\.value))
                for (tag, _) in expected { model[tag] = nil }
            default:
                var left: [UInt64] = []
                while let ticket = window.takeUnsettled() { left.append(ticket) }
                #expect(left == model.sorted { $0.key < $1.key }.map(\.value))
                model = [:]
                nextTag = 1
            }
            let oldest = model.keys.min() ?? nextTag
            #expect(window.count == Int(nextTag - oldest))
        }
    }

    /// Every schedule of a window of three, to a fixed depth: whatever is published is answered once or handed back once,
    /// in the order it was published, and its room is free when nothing before it is still out.
    @Test func everySchedule() throws {
        var schedules = 0
        try explore(Schedule(), depth: 7, &schedules)
        #expect(schedules > 10_000, "the model has come to a standstill")
    }

    private struct Schedule {
        var window = ConfirmWindow(limit: 3)
        /// Without an answer, by tag.
        var out: [UInt64: UInt64] = [:]
        var published: UInt64 = 0
        var ticket: UInt64 = 100

        mutating func publish() {
            published += 1
            ticket += 1
            window.append(ticket)
            out[published] = ticket
        }

        mutating func answer(_ tag: UInt64, _ multiple: Bool) throws {
            let covered = multiple && tag == 0 ? Array(out.keys) : out.keys.filter { multiple ? $0 <= tag : $0 == tag }
            let tickets = try window.covered(by: tag, multiple: multiple).compactMap { window.settle($0) }
            try #require(tickets == covered.sorted().compactMap { out.removeValue(forKey: $0) })
        }

        mutating func lose() throws {
            for tag in out.keys.sorted() { try #require(window.takeUnsettled() == out[tag]) }
            try #require(window.takeUnsettled() == nil)
            out = [:]
            published = 0
        }
    }

    private func explore(_ now: Schedule, depth: Int, _ schedules: inout Int) throws {
        let oldest = now.out.keys.min() ?? now.published + 1
        try #require(now.window.count == Int(now.published + 1 - oldest))
        guard depth > 0 else {
            schedules += 1
            var last = now
            return try last.lose()
        }
        if !now.window.isFull {
            var next = now
            next.publish()
            try explore(next, depth: depth - 1, &schedules)
        }
        for multiple in [false, true] {
            for tag in (multiple ? 0 : 1)...(now.published + 2) {
                var next = now
                if tag > now.published {
                    #expect(throws: AMQPError.self) { try next.answer(tag, multiple) }
                } else {
                    try next.answer(tag, multiple)
                    try explore(next, depth: depth - 1, &schedules)
                }
            }
        }
        var next = now
        try next.lose()
        try explore(next, depth: depth - 1, &schedules)
    }
}
