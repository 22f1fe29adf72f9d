/// Object identifiers of built-in types (src/include/catalog/pg_type.dat): fixed since PostgreSQL began.
public enum PostgresType {
    public static let bool: UInt32 = 16
    public static let bytea: UInt32 = 17
    public static let int8: UInt32 = 20
    public static let int4: UInt32 = 23
    public static let text: UInt32 = 25
    public static let int4Array: UInt32 = 1007
    public static let textArray: UInt32 = 1009
    public static let int8Array: UInt32 = 1016
    public static let varchar: UInt32 = 1043
    /// Microseconds since 2000-01-01 00:00 UTC, as an int64.
    public static let timestamptz: UInt32 = 1184
    public static let byteaArray: UInt32 = 1001
    public static let uuid: UInt32 = 2950
    public static let uuidArray: UInt32 = 2951
}
