import CPostgres
import Glibc

/// Keywords and values as the two null-terminated arrays of C strings that libpq's connect functions take.
struct ConnectParameters: ~Copyable {
    private let names: UnsafeMutablePointer<UnsafePointer<CChar>?>
    private let values: UnsafeMutablePointer<UnsafePointer<CChar>?>
    private let count: Int

    init(_ parameters: [(name: String, value: String)]) {
        count = parameters.count
        names = .allocate(capacity: count + 1)
        values = .allocate(capacity: count + 1)
        for (index, parameter) in parameters.enumerated() {
            (names + index).initialize(to: UnsafePointer(strdup(parameter.name)))
            (values + index).initialize(to: UnsafePointer(strdup(parameter.value)))
        }
        (names + count).initialize(to: nil)
        (values + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count {
            free(UnsafeMutablePointer(mutating: names[index]))
            free(UnsafeMutablePointer(mutating: values[index]))
        }
        names.deallocate()
        values.deallocate()
    }

    /// `PQconnectStartParams`: begins a connect, without waiting. Nil when out of memory.
    borrowing func start() -> OpaquePointer? {
        PQconnectStartParams(names, values, 0)
    }
}
