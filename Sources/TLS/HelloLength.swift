/// How long the first message of a client says it is (RFC 8446 section 4), found before OpenSSL is told of it: that sets aside
/// what was announced, up to 128 KiB, and then waits.
///
///     record     type = 22 | version (2) | length (2) | content …
///     content                                           type | length (3) | the message …
///
/// The message's head may come in as many records as it has bytes.
struct HelloLength {
    /// What it says; nil: its head has not come whole.
    private(set) var value: Int?
    private var length: UInt32 = 0
    private var recordLength: UInt16 = 0
    /// Bytes of the record's head that have come; of its content that are to come; of the message's head that have come.
    private var recordHead: UInt8 = 0
    private var recordRest: UInt16 = 0
    private var head: UInt8 = 0

    mutating func look(at bytes: UnsafeRawBufferPointer) {
        for byte in bytes where value == nil { take(byte) }
    }

    private mutating func take(_ byte: UInt8) {
        guard recordRest == 0 else {
            recordRest -= 1
            if head > 0 { length = length << 8 | UInt32(byte) }
            head += 1
            if head == 4 { value = Int(length) }
            return
        }
        // What begins otherwise is no TLS, as OpenSSL will say.
        if recordHead == 0, byte != 22 { value = 0 }
        recordLength = recordLength << 8 | UInt16(byte)
        recordHead += 1
        if recordHead == 5 {
            recordRest = recordLength
            recordHead = 0
        }
    }
}
