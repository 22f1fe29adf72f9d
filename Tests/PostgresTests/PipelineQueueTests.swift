import Bytes
import Testing

@testable import Postgres

private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

/// Each line is one thing libpq says and what is to be done about it.
@Suite struct PipelineQueueTests {
    private func queue(_ tickets: UInt64...) -> PipelineQueue {
        var queue = PipelineQueue()
        for ticket in tickets { queue.appendQuery(ticket, deadline: at(1)) }
        return queue
    }

    @Test func theSetUpIsReadyAtItsSyncOnly() {
        var queue = PipelineQueue()
        queue.appendSetup(commands: 3)
        for _ in 0..<3 {
            #expect(queue.arrived(.result) == .hold)
            #expect(queue.arrived(.end) == .wait)
        }
        #expect(queue.arrived(.sync) == .ready)
        #expect(queue.isEmpty)
    }

    @Test func aFailedPrepareAbortsTheRestOfTheSetUpAndIsTheOneNamed() {
        var queue = PipelineQueue()
        queue.appendSetup(commands: 4)
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.error) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.aborted) == .wait)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.aborted) == .wait)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .setupFailed(index: 1))
    }

    @Test func aQueryIsCompleteWhenItsTransactionIs() {
        var queue = queue(7, 8)
        #expect(queue.count == 2)
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.count == 2)
        #expect(queue.arrived(.sync) == .complete(ticket: 7))
        #expect(queue.count == 1)
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .complete(ticket: 8))
        #expect(queue.isEmpty)
    }

    @Test func anErrorDoesNotDisturbTheNeighbours() {
        var queue = queue(1, 2, 3)
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .complete(ticket: 1))
        #expect(queue.arrived(.error) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .fail(ticket: 2))
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .complete(ticket: 3))
    }

    @Test func aCommitThatFailsAfterTheResultIsAFailure() {
        var queue = queue(1, 2)
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.error) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .fail(ticket: 1))
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .complete(ticket: 2))
    }

    @Test func sayingWhatCannotBeIsAViolation() {
        var nothingAsked = PipelineQueue()
        #expect(nothingAsked.arrived(.result) == .violation)
        #expect(nothingAsked.arrived(.sync) == .violation)
        var endWithoutResult = queue(1)
        #expect(endWithoutResult.arrived(.end) == .violation)
        var syncWithoutResult = queue(1)
        #expect(syncWithoutResult.arrived(.sync) == .violation)
        var twoResults = queue(1)
        #expect(twoResults.arrived(.result) == .hold)
        #expect(twoResults.arrived(.result) == .violation)
        var abortedWithoutError = queue(1)
        #expect(abortedWithoutError.arrived(.aborted) == .violation)
        var resultAfterEnd = queue(1)
        #expect(resultAfterEnd.arrived(.result) == .hold)
        #expect(resultAfterEnd.arrived(.end) == .wait)
        #expect(resultAfterEnd.arrived(.result) == .violation)
    }

    @Test func whatIsOutstandingIsAbandonedInOrderAndOnce() {
        var queue = queue(1, 2, 3)
        #expect(queue.arrived(.result) == .hold)
        #expect(queue.arrived(.end) == .wait)
        #expect(queue.arrived(.sync) == .complete(ticket: 1))
        #expect(queue.arrived(.result) == .hold)
        var abandoned: [UInt64] = []
        while let (ticket, wasSent) = queue.abandonFirst(isTailUnsent: false) {
            abandoned.append(ticket)
            #expect(wasSent)
        }
        #expect(abandoned == [2, 3])
        #expect(queue.isEmpty)
    }

    @Test func onlyTheLastCanBeKnownToBeUnsent() {
        var queue = queue(1, 2)
        let first = queue.abandonFirst(isTailUnsent: true)
        let second = queue.abandonFirst(isTailUnsent: true)
        #expect(first?.ticket == 1 && first?.wasSent == true)
        #expect(second?.ticket == 2 && second?.wasSent == false)
    }

    @Test func theSetUpIsNobodysTicket() {
        var queue = PipelineQueue()
        queue.appendSetup(commands: 2)
        #expect(queue.abandonFirst(isTailUnsent: false) == nil)
    }

    @Test func theEarliestDeadlineIsThatOfAnyQueryUnderWay() {
        var queue = PipelineQueue()
        #expect(queue.earliestDeadline == nil)
        queue.appendQuery(1, deadline: at(5))
        queue.appendQuery(2, deadline: at(3))
        queue.appendQuery(3, deadline: at(9))
        #expect(queue.earliestDeadline == at(3))
        for _ in 0..<2 {
            _ = queue.arrived(.result)
            _ = queue.arrived(.end)
            _ = queue.arrived(.sync)
        }
        #expect(queue.earliestDeadline == at(9))
    }

    @Test func aPipeThatNeverRunsEmptyKeepsTheOrder() {
        var queue = queue(0)
        var completed: [UInt64] = []
        for ticket in 1...500 as ClosedRange<UInt64> {
            queue.appendQuery(ticket, deadline: at(1))
            _ = queue.arrived(.result)
            _ = queue.arrived(.end)
            if case .complete(let ticket) = queue.arrived(.sync) { completed.append(ticket) }
            #expect(queue.count == 1)
        }
        #expect(completed == Array(0..<500))
    }
}
