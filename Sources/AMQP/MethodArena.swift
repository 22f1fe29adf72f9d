import Bytes
import CRabbitMQ

/// Memory for the arguments of one method, in the library's own pool: strings and tables on the way out, tables on the
/// way in. `recycle()` after each method, or it grows for ever.
struct MethodArena: ~Copyable {
    let pool: UnsafeMutablePointer<amqp_pool_t>

    init() {
        pool = .allocate(capacity: 1)
        pool.initialize(to: amqp_pool_t())
        init_amqp_pool(pool, Limits.smallestFrame)
    }

    deinit {
        empty_amqp_pool(pool)
        pool.deallocate()
    }

    /// Blocks of memory it holds, for the tests: it stays small however many methods go through.
    var blocks: Int { Int(pool.pointee.pages.num_blocks + pool.pointee.large_blocks.num_blocks) }

    /// Everything handed out is invalid from now on.
    func recycle() {
        recycle_amqp_pool(pool)
    }

    func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { source in
            var copy = amqp_bytes_t()
            if let base = source.baseAddress, source.count > 0 {
                amqp_pool_alloc_bytes(pool, source.count, &copy)
                copy.bytes.copyMemory(from: base, byteCount: source.count)
            }
            return copy
        }
    }

    func table(_ fields: [Field]) -> amqp_table_t {
        guard !fields.isEmpty,
            let memory = amqp_pool_alloc(pool, MemoryLayout<amqp_table_entry_t>.stride * fields.count)
        else { return amqp_table_t() }
        let entries = memory.bindMemory(to: amqp_table_entry_t.self, capacity: fields.count)
        for (index, field) in fields.enumerated() {
            entries[index] = amqp_table_entry_t(key: bytes(field.name), value: value(field.value))
        }
        return amqp_table_t(num_entries: Int32(fields.count), entries: entries)
    }

    private func value(_ value: FieldValue) -> amqp_field_value_t {
        var result = amqp_field_value_t()
        switch value {
        case .text(let text):
            result.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            result.value.bytes = bytes(text)
        case .flag(let flag):
            result.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
            result.value.boolean = flag ? 1 : 0
        case .integer(let integer):
            result.kind = UInt8(AMQP_FIELD_KIND_I32.rawValue)
            result.value.i32 = integer
        case .table(let fields):
            result.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
            result.value.table = table(fields)
        }
        return result
    }
}

extension String {
    /// A copy; ill-formed UTF-8 becomes U+FFFD.
    init(_ bytes: amqp_bytes_t) {
        self.init(decoding: UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len), as: UTF8.self)
    }
}

extension Array where Element == Field {
    /// A copy of the texts, flags, integers and tables in a decoded table; values of other kinds are left out, and tables
    /// deeper than `Limits.tableDepth`.
    init(_ table: amqp_table_t, depth: Int = 0) {
        self.init()
        for index in 0..<Int(table.num_entries) {
            let entry = table.entries[index]
            switch UInt32(entry.value.kind) {
            case AMQP_FIELD_KIND_UTF8.rawValue:
                append(Field(String(entry.key), .text(String(entry.value.value.bytes))))
            case AMQP_FIELD_KIND_BOOLEAN.rawValue:
                append(Field(String(entry.key), .flag(entry.value.value.boolean != 0)))
            case AMQP_FIELD_KIND_I32.rawValue:
                append(Field(String(entry.key), .integer(entry.value.value.i32)))
            case AMQP_FIELD_KIND_TABLE.rawValue where depth < Limits.tableDepth:
                append(Field(String(entry.key), .table([Field](entry.value.value.table, depth: depth + 1))))
            default: break
            }
        }
    }
}
