import Glibc
import Scores

extension FlushMarkSource {
    /// A mark of this moment.
    mutating func next() -> FlushMark {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return next(
            unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000,
            random: .random(in: .min ... .max))
    }
}
