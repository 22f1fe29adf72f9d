/// CPU time and memory of the server's processes over the measured time, and second by second.
struct ProcessWatch: Sendable {
    /// Each of them once: one that is named twice has used its time once.
    let processes: Set<ServerProcess>
    private var former: Double?
    private var first: Double?
    /// CPU-seconds within the measured time; nil when nothing is watched or a process ended meanwhile.
    private(set) var cpuSeconds: Double?
    /// Resident bytes: the most that was seen.
    private(set) var mostMemory: Int?
    private(set) var isGone = false

    init(_ processes: [ServerProcess]) {
        self.processes = Set(processes)
        former = cpu()
    }

    /// The measured time begins.
    mutating func begin() {
        first = cpu()
    }

    /// The measured time ends.
    mutating func end() {
        if let first, let last = cpu() { cpuSeconds = last - first }
    }

    /// What was used since the last call, and resident bytes now; nil when nothing is watched or a process is gone.
    mutating func second() -> (cpu: Double?, memory: Int?) {
        guard !processes.isEmpty else { return (nil, nil) }
        let now = cpu()
        let used = former.flatMap { former in now.map { $0 - former } }
        former = now
        var memory = 0
        for process in processes {
            guard let bytes = process.residentBytes() else {
                isGone = true
                return (nil, nil)
            }
            memory += bytes
        }
        mostMemory = max(mostMemory ?? 0, memory)
        return (used, memory)
    }

    private func cpu() -> Double? {
        guard !processes.isEmpty else { return nil }
        var sum = 0.0
        for process in processes {
            guard let seconds = process.cpuSeconds() else { return nil }
            sum += seconds
        }
        return sum
    }
}
