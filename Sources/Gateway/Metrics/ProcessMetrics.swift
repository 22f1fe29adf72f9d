import CLinux
import Glibc
import Synchronization

/// What the kernel says of this process, under the names that Prometheus' own clients use.
enum ProcessMetrics {
    static func append(to encoder: inout PrometheusEncoder) {
        encoder.family("process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.")
        encoder.sample("process_cpu_seconds_total", value: seconds(CLOCK_PROCESS_CPUTIME_ID))
        encoder.metric(
            "process_resident_memory_bytes", .gauge, "Resident memory size in bytes.", residentPages * pageSize)
        encoder.metric("process_open_fds", .gauge, "Number of open file descriptors.", openDescriptors)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        encoder.metric("process_max_fds", .gauge, "Maximum number of open file descriptors.", UInt64(limit.rlim_cur))
        encoder.family(
            "process_start_time_seconds", .gauge, "Start time of the process since unix epoch in seconds.")
        encoder.sample("process_start_time_seconds", value: start)
    }

    /// Looked at once, at the first page: the start of the process, to the tick.
    private static let start: Double = {
        // The time after boot at which it started is the 22nd field (proc(5)); the 2nd one may have blanks in its brackets.
        let fields = text("/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = fields.count > 19 ? Double(fields[19]) ?? 0 : 0
        return seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME) + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    private static let pageSize = UInt64(getpagesize())

    private static var residentPages: UInt64 {
        let fields = text("/proc/self/statm").split(separator: " ")
        return fields.count > 1 ? UInt64(fields[1]) ?? 0 : 0
    }

    /// With many connections that is a long folder, and anybody may ask: it is read once a second.
    private static var openDescriptors: UInt64 {
        let second = UInt64(max(0, seconds(CLOCK_MONOTONIC)))
        return counted.withLock { counted in
            if counted.second != second { counted = (second, countDescriptors()) }
            return counted.descriptors
        }
    }

    private static let counted = Mutex((second: UInt64.max, descriptors: UInt64(0)))

    private static func countDescriptors() -> UInt64 {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count: UInt64 = 0
        while readdir(folder) != nil { count += 1 }
        // `.`, `..`, and the folder's own.
        return count - min(count, 3)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A small file of the kernel's.
    private static func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
