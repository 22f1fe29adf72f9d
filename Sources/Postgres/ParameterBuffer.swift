import Bytes

/// The parameters of one execution in PostgreSQL's binary format, in one piece of memory that is used again.
///
///     integer  big-endian, 4 or 8 bytes        text   UTF-8, no terminator        boolean  1 byte
///     array    int32 dimensions = 1 (0 when empty) │ int32 has-NULLs │ uint32 element type
///              │ int32 length │ int32 lower bound = 1 │ { int32 bytes (-1: NULL) │ element }…
///
/// (src/backend/utils/adt: int.c, varlena.c, arrayfuncs.c `array_recv`.)
public struct ParameterBuffer: ~Copyable {
    private struct Value {
        let offset: Int
        /// -1 is NULL.
        let length: Int
    }

    private struct OpenArray {
        let offset: Int
        var count: Int32 = 0
        var hasNull = false
    }

    private var bytes = ByteBuffer()
    private var values: [Value] = []
    private var openArray: OpenArray?

    public init() {}

    /// How many parameters are in it.
    public var count: Int { values.count }

    /// How many bytes their values take.
    public var byteCount: Int { bytes.count }

    /// Drops all parameters and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll()
        values.removeAll(keepingCapacity: true)
        openArray = nil
    }

    // MARK: Single values

    public mutating func append(int32 value: Int32) {
        let offset = begin()
        write(value)
        end(offset)
    }

    public mutating func append(int64 value: Int64) {
        let offset = begin()
        write(value)
        end(offset)
    }

    public mutating func append(bool value: Bool) {
        let offset = begin()
        bytes.append(value ? 1 : 0)
        end(offset)
    }

    /// A text of UTF-8 without U+0000, or any other value that is in binary format already (bytea, uuid).
    public mutating func append(text value: Span<UInt8>) {
        let offset = begin()
        bytes.append(value)
        end(offset)
    }

    /// The sixteen bytes of a uuid, as two numbers in network byte order.
    public mutating func append(uuid high: UInt64, _ low: UInt64) {
        let offset = begin()
        write(high)
        write(low)
        end(offset)
    }

    public mutating func append(text value: String) {
        let offset = begin()
        bytes.append(value)
        end(offset)
    }

    public mutating func appendNull() {
        values.append(Value(offset: begin(), length: -1))
    }

    // MARK: Arrays, element by element

    /// Opens a one-dimensional array of elements of `elementType`; elements follow, then `endArray()`.
    public mutating func beginArray(of elementType: UInt32) {
        openArray = OpenArray(offset: begin())
        write(Int32(1))
        write(Int32(0))
        write(Int32(bitPattern: elementType))
        write(Int32(0))
        write(Int32(1))
    }

    public mutating func appendElement(int32 value: Int32) {
        beginElement()
        write(Int32(4))
        write(value)
    }

    public mutating func appendElement(int64 value: Int64) {
        beginElement()
        write(Int32(8))
        write(value)
    }

    public mutating func appendElement(uuid high: UInt64, _ low: UInt64) {
        beginElement()
        write(Int32(16))
        write(high)
        write(low)
    }

    /// A text, or any other value that is in binary format already.
    public mutating func appendElement(text value: Span<UInt8>) {
        beginElement()
        write(Int32(value.count))
        bytes.append(value)
    }

    public mutating func appendNullElement() {
        beginElement()
        openArray?.hasNull = true
        write(Int32(-1))
    }

    public mutating func endArray() {
        guard let array = openArray else { preconditionFailure("endArray without beginArray") }
        openArray = nil
        if array.count == 0 {
            // An empty array has no dimension at all.
            bytes.truncate(to: array.offset + 12)
            replace(at: array.offset, with: Int32(0))
        } else {
            replace(at: array.offset + 4, with: Int32(array.hasNull ? 1 : 0))
            replace(at: array.offset + 12, with: array.count)
        }
        end(array.offset)
    }

    // MARK: Arrays from columns

    /// `int4[]`
    public mutating func append(int32Array elements: Span<Int32>) {
        beginArray(of: PostgresType.int4)
        bytes.append(atLeast: elements.count * 8) { free in
            for index in 0..<elements.count {
                free.storeBytes(of: Int32(4).bigEndian, toByteOffset: index * 8, as: Int32.self)
                free.storeBytes(of: elements[index].bigEndian, toByteOffset: index * 8 + 4, as: Int32.self)
            }
            return elements.count * 8
        }
        openArray?.count = Int32(elements.count)
        endArray()
    }

    /// `int8[]`
    public mutating func append(int64Array elements: Span<Int64>) {
        beginArray(of: PostgresType.int8)
        bytes.append(atLeast: elements.count * 12) { free in
            for index in 0..<elements.count {
                free.storeBytes(of: Int32(8).bigEndian, toByteOffset: index * 12, as: Int32.self)
                free.storeBytes(of: elements[index].bigEndian, toByteOffset: index * 12 + 4, as: Int64.self)
            }
            return elements.count * 12
        }
        openArray?.count = Int32(elements.count)
        endArray()
    }

    /// `text[]` from a column of texts one after another.
    /// - Parameter ends: where each text ends in `column`, ascending; the first begins at 0.
    public mutating func append(textArray column: Span<UInt8>, ends: Span<Int32>) {
        beginArray(of: PostgresType.text)
        let size = column.count + ends.count * 4
        bytes.append(atLeast: size) { free in
            column.withUnsafeBytes { column in
                var written = 0
                var start = 0
                for index in 0..<ends.count {
                    let end = Int(ends[index])
                    precondition(start <= end && end <= column.count, "the ends of a column must ascend within it")
                    free.storeBytes(of: Int32(end - start).bigEndian, toByteOffset: written, as: Int32.self)
                    let target = UnsafeMutableRawBufferPointer(rebasing: free[(written + 4)...])
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: column[start..<end]))
                    written += 4 + end - start
                    start = end
                }
                return written
            }
        }
        openArray?.count = Int32(ends.count)
        endArray()
    }

    // MARK: For libpq

    /// Fills the three parallel arrays `PQsendQueryPrepared` takes and calls `body`; the pointers are valid within it.
    borrowing func withParameters<R>(
        _ pointers: inout [UnsafePointer<CChar>?], _ lengths: inout [Int32],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?) -> R
    ) -> R {
        precondition(openArray == nil, "an array is still open")
        return bytes.withUnsafeBytes { bytes in
            pointers.removeAll(keepingCapacity: true)
            lengths.removeAll(keepingCapacity: true)
            for value in values {
                if value.length < 0 {
                    // A null pointer is SQL NULL.
                    pointers.append(nil)
                    lengths.append(0)
                } else {
                    // A value always has an address: bytes of a buffer that was never written to have none, and an
                    // empty text would become NULL.
                    let base = bytes.baseAddress ?? ParameterBuffer.nothing
                    pointers.append((base + value.offset).assumingMemoryBound(to: CChar.self))
                    lengths.append(Int32(value.length))
                }
            }
            return pointers.withUnsafeBufferPointer { pointers in
                lengths.withUnsafeBufferPointer { lengths in body(pointers.baseAddress, lengths.baseAddress) }
            }
        }
    }

    private static var nothing: UnsafeRawPointer {
        let empty: StaticString = ""
        return UnsafeRawPointer(empty.utf8Start)
    }

    // MARK: Writing

    private func begin() -> Int {
        precondition(openArray == nil, "an array is still open")
        return bytes.count
    }

    private mutating func end(_ offset: Int) {
        precondition(bytes.count - offset <= Limits.parameterBytes, "a parameter is larger than PostgreSQL takes")
        values.append(Value(offset: offset, length: bytes.count - offset))
    }

    private mutating func beginElement() {
        precondition(openArray != nil, "an element without beginArray")
        openArray?.count += 1
    }

    private mutating func write<Integer: FixedWidthInteger>(_ value: Integer) {
        bytes.append(atLeast: MemoryLayout<Integer>.size) { free in
            free.storeBytes(of: value.bigEndian, as: Integer.self)
            return MemoryLayout<Integer>.size
        }
    }

    private mutating func replace(at offset: Int, with value: Int32) {
        withUnsafeBytes(of: value.bigEndian) { bytes.replace(at: offset, with: $0) }
    }
}
