/// A statement that is prepared once per connection and then executed by its index in the list the connection was
/// made with. Parameters and results travel in binary format.
public struct Statement: Sendable {
    /// Its name on the server; unique within a connection.
    public let name: String
    public let sql: String
    /// The types of `$1`, `$2`, … (`PostgresType`); 0 lets the server infer one.
    public let parameterTypes: [UInt32]

    public init(name: String, sql: String, parameterTypes: [UInt32]) {
        self.name = name
        self.sql = sql
        self.parameterTypes = parameterTypes
    }
}
