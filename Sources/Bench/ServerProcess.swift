import Glibc

/// A process of the server under load, as proc(5) shows it.
public struct ServerProcess: Hashable, Sendable {
    public let identifier: Int32

    public init(_ identifier: Int32) {
        self.identifier = identifier
    }

    /// Whether there is such a process here, and it may be looked at.
    public var isThere: Bool { cpuSeconds() != nil && residentBytes() != nil }

    /// User and system time used so far, in seconds, in steps of a clock tick (10 ms); nil when the process is gone.
    func cpuSeconds() -> Double? {
        guard let text = Self.read("/proc/\(identifier)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        // Fields 14 and 15; the command before the last bracket may have blanks in it.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Resident memory in bytes; nil when the process is gone.
    func residentBytes() -> Int? {
        guard let text = Self.read("/proc/\(identifier)/status") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            return words.count > 1 ? Int(words[1]).map { $0 * 1_024 } : nil
        }
        return nil
    }

    static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &part, part.count)
            if count <= 0 { break }
            bytes += part[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Report.Machine {
    /// The machine that this process runs on.
    static var here: Report.Machine {
        var processor = "unknown"
        for line in (ServerProcess.read("/proc/cpuinfo") ?? "").split(separator: "\n")
        where line.hasPrefix("model name") {
            let value = line.split(separator: ":", maxSplits: 1).last ?? ""
            processor = String(value.drop { $0 == " " })
            break
        }
        let kernel = ServerProcess.read("/proc/sys/kernel/osrelease") ?? "unknown"
        return Report.Machine(
            processor: processor, cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            kernel: String(kernel.prefix { $0 != "\n" }))
    }
}
