/// The first bytes of a conversation with PostgreSQL and RabbitMQ: enough to know that the right server answers, and
/// that it takes clients. Nobody logs in.
enum Hello {
    /// `StartupMessage` (PostgreSQL documentation, section 55.7), as `pg_isready` sends it:
    ///
    ///     int32 length │ int32 196608 (3.0) │ "user" 0 name 0 │ "database" 0 name 0 │ 0
    static func postgres(user: String, database: String?) -> [UInt8] {
        var body: [UInt8] = [0, 3, 0, 0]
        body += "user\0\(user)\0".utf8
        if let database { body += "database\0\(database)\0".utf8 }
        body.append(0)
        return bigEndian(UInt32(body.count + 4)) + body
    }

    /// Whether the server takes clients: it does when it asks who is there (`R`), and also when it refuses this client
    /// for a reason of its own, but not while it starts or stops (SQLSTATE 57P03), or when it is no PostgreSQL.
    static func isReady(postgres answer: [UInt8]) -> Bool {
        switch answer.first {
        case UInt8(ascii: "R"): true
        case UInt8(ascii: "E"): sqlState(answer) != "57P03"
        // It wants to talk about the version of the protocol first (NegotiateProtocolVersion).
        case UInt8(ascii: "v"): true
        default: false
        }
    }

    /// The code of an ErrorResponse: `E`, int32 length, then fields of a type byte and a text that ends with 0.
    private static func sqlState(_ answer: [UInt8]) -> String? {
        for field in answer.dropFirst(5).split(separator: 0) where field.first == UInt8(ascii: "C") {
            return String(decoding: field.dropFirst(), as: UTF8.self)
        }
        return nil
    }

    /// The protocol header of AMQP 0-9-1 (section 4.2.2).
    static let amqp: [UInt8] = Array("AMQP".utf8) + [0, 0, 9, 1]

    /// Whether the broker greets: a method frame (type 1) on channel 0 with Connection.Start (10, 10). A server of
    /// another version answers with its own protocol header.
    ///
    ///     type 1 │ channel int16 │ size int32 │ class int16 10 │ method int16 10 │ …
    static func isReady(amqp answer: [UInt8]) -> Bool {
        answer.count >= 11 && answer[0] == 1 && answer[7..<11].elementsEqual([0, 10, 0, 10])
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
