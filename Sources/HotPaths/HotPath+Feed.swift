import Bytes
import Gateway
import Reactor

extension HotPath {
    static let feed: [HotPath] = [
        HotPath("feed log: append of 100 bytes", per: "frame") { count in
            let log = log()
            return append(count, to: log) + log.count
        },
        HotPath("feed log: what a subscriber has not had", per: "delivery") { count in
            let log = log()
            _ = append(1000, to: log)
            var found = 0
            for index in 0..<count { found += log.bytes(from: log.position(ofNewest: index & 511)).count }
            return found
        },
        HotPath("feed log: where one resumes", per: "resume") { count in
            let log = log()
            _ = append(10_000, to: log)
            let now = Instant(nanoseconds: 100_000_000_000)
            var found: UInt64 = 0
            for index in 0..<count {
                if case .log(let position) = log.resume(after: Int64(5000 + index % 5000), now) { found &+= position }
            }
            return Int(truncatingIfNeeded: found)
        },
    ]

    private static func log() -> FeedLog {
        do throws(SystemError) {
            let log = try FeedLog(bytes: 4 << 20)
            log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantPast))
            return log
        } catch {
            fatalError("no memory for a log: \(error)")
        }
    }

    /// Appends scores as the bus brings them: in order, a hundred a turn and second.
    private static func append(_ count: Int, to log: FeedLog) -> Int {
        let frame = [UInt8](repeating: UInt8(ascii: "a"), count: 100)
        var appended = 0
        frame.withUnsafeBytes { frame in
            for index in 0..<count {
                let now = Instant(nanoseconds: Int64(index / 100) * 1_000_000_000)
                if index % 100 == 0 { log.begin(now) }
                if log.append(frame, id: Int64(index + 1), .bus, seen: now) { appended += 1 }
            }
        }
        return appended
    }
}
