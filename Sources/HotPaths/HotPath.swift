/// A piece of what the gateway does for every request, frame or delivery, by itself: no socket, no clock, no thread, so
/// that its instructions and allocations are the same in every run (`Benchmarks/thresholds`), and its time can be
/// measured without the kernel's (`Benchmarks/Benchmarks`).
public struct HotPath: Sendable {
    /// `noun: what is done`.
    public let name: String
    /// What `run` does one of: `request`, `frame`, `score`.
    public let unit: String
    private let body: @Sendable (Int) -> Int

    init(_ name: String, per unit: String, _ body: @escaping @Sendable (Int) -> Int) {
        self.name = name
        self.unit = unit
        self.body = body
    }

    /// Does it `count` times.
    /// - Returns: what came of it, in a number, which the caller shows to somebody: nothing of the work may be left out
    ///   as useless.
    public func run(_ count: Int) -> Int { body(count) }

    /// All of them, in the order data goes through the house.
    public static let all: [HotPath] = http + webSocket + scores + feed + amqp
}
