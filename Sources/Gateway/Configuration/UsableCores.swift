/// How many cores this process may use: the affinity mask, and the CPU quota of its control group, whichever is less.
///
/// A container with half a core's quota on a machine of 64 would otherwise start 64 reactors and be throttled.
enum UsableCores {
    /// - Parameters:
    ///   - affinity: cores in the affinity mask of the process.
    ///   - read: the text of a file, nil when there is none (`/proc/self/cgroup` and files below `/sys/fs/cgroup`).
    /// - Returns: at least 1.
    static func count(affinity: Int, read: (String) -> String?) -> Int {
        guard let memberships = read("/proc/self/cgroup") else { return max(1, affinity) }
        var count = affinity
        for line in memberships.split(separator: "\n") {
            // hierarchy-ID:controller-list:cgroup-path (cgroups(7)); version 2 is the one without controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path = String(fields[2])
            if fields[1].isEmpty {
                for mount in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
                    for group in ancestry(path) {
                        if let quota = read("\(mount)\(group)/cpu.max").flatMap(quota(cpuMax:)) {
                            count = min(count, quota)
                        }
                    }
                }
            } else if fields[1].split(separator: ",").contains("cpu") {
                for mount in ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/\(fields[1])"] {
                    for group in ancestry(path) {
                        guard let microseconds = read("\(mount)\(group)/cpu.cfs_quota_us"),
                            let period = read("\(mount)\(group)/cpu.cfs_period_us"),
                            let quota = quota(microseconds, period)
                        else { continue }
                        count = min(count, quota)
                    }
                }
            }
        }
        return max(1, count)
    }

    /// The path and its parents: `/a/b`, `/a`, and the root as an empty text. Without a cgroup namespace the path is
    /// the host's and does not exist in a container, whose own group is then mounted at the root.
    static func ancestry(_ path: String) -> [String] {
        let names = path.split(separator: "/")
        return (0...min(names.count, ConfigurationLimits.cgroupLevels)).reversed().map { depth in
            names[..<depth].map { "/\($0)" }.joined()
        }
    }

    /// `cpu.max` of version 2: `150000 100000` are one and a half cores, rounded up; `max 100000` is no limit.
    static func quota(cpuMax text: String) -> Int? {
        let fields = text.split { $0 == " " || $0 == "\n" }
        guard fields.count == 2 else { return nil }
        return quota(String(fields[0]), String(fields[1]))
    }

    /// Version 1 has the two numbers in two files; a quota of -1 is no limit.
    static func quota(_ quota: String, _ period: String) -> Int? {
        guard let quota = Int(quota.prefix { $0 != "\n" }), let period = Int(period.prefix { $0 != "\n" }), quota > 0,
            period > 0
        else { return nil }
        return (quota - 1) / period + 1
    }
}
