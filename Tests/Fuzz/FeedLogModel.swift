import Glibc
import Scores

@testable import Gateway

/// What a log should have: a plain array of frames.
struct FeedLogModel {
    private let form: FeedForm
    private let ring: Int
    private var frames: ArraySlice<[UInt8]> = []
    /// Of each of them its id, and of those that fell out the highest one.
    private var ids: ArraySlice<Int64> = []
    private var highestDropped: Int64 = 0
    /// Where the first of them begins, and how long they are.
    private var tail = 0
    private var size = 0
    /// How many of them stand out of order: what there was when a history came late.
    private var past = 0
    private var isAheadOfHistory = false

    init(_ form: FeedForm, ring: Int) {
        self.form = form
        self.ring = ring
    }

    mutating func goWithoutHistory() {
        isAheadOfHistory = true
    }

    mutating func filled() {
        if isAheadOfHistory { past = frames.count }
        isAheadOfHistory = false
    }

    mutating func note(_ frame: [UInt8], _ id: Int64) {
        while size + frame.count > ring, let oldest = frames.popFirst() {
            tail += oldest.count
            size -= oldest.count
            highestDropped = max(highestDropped, ids.popFirst() ?? 0)
            past = max(0, past - 1)
        }
        frames.append(frame)
        ids.append(id)
        size += frame.count
    }

    func checkEnds(_ log: FeedLog) {
        precondition(log.count == frames.count && log.tail == UInt64(tail), "the log dropped others")
        precondition(log.head == UInt64(tail + size), "the log is longer than what came")
    }

    func check(_ log: FeedLog) {
        var position = UInt64(tail)
        let bytes = log.bytes(from: position)
        precondition(bytes.count == size, "the log is longer than what came")
        for (index, frame) in frames.enumerated() {
            let place = Int(position) - tail
            let isSame = frame.withUnsafeBytes { memcmp($0.baseAddress!, bytes.baseAddress! + place, $0.count) == 0 }
            precondition(isSame, "the log has other bytes")
            precondition(log.position(ofNewest: frames.count - index) == position, "a frame begins elsewhere")
            precondition(log.frameEnd(at: position) == position, "the end of the one before is elsewhere")
            position += UInt64(frame.count)
            precondition(log.frameEnd(at: position - 1) == position, "a frame ends elsewhere")
        }
        checkSnapshots(log)
    }

    func checkSnapshots(_ log: FeedLog) {
        let ordered = Set(ids.prefix(past).filter { $0 > highestDropped }).sorted()
        for number in [0, 1, 10, frames.count - past + 5, .max] {
            let since = min(number, past == 0 ? frames.count : frames.count - past)
            let wanted = ordered.suffix(min(number, frames.count) - since) + ids.suffix(since)
            let reader = FeedReader(form)
            var snapshot = log.snapshot(ofNewest: number)
            var scores: [Score] = []
            while let frame = log.next(&snapshot) { scores += reader.read(Array(frame).span) }
            precondition(!snapshot.isPast, "a frame of the snapshot fell out")
            scores += reader.read(Array(log.bytes(from: snapshot.position)).span)
            precondition(scores.map { $0.id ?? 0 } == Array(wanted), "another snapshot")
        }
    }
}
