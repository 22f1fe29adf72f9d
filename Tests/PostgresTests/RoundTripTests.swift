import Bytes
import Reactor
import Testing

@testable import Postgres

private let server = PrivateServer.shared

extension ServerTests {
    /// Every kind of parameter to the server and back.
    @Suite(.serialized) struct RoundTripTests {
        @Test func everyKindOfParameterComesBack() throws {
            let types: [UInt32] = [
                PostgresType.int4, PostgresType.int8, PostgresType.text, PostgresType.bytea, PostgresType.bool,
                PostgresType.text, PostgresType.timestamptz,
            ]
            let echo = Statement(
                name: "echo", sql: "SELECT $1, $2, $3, $4, $5, $6, $7, 12::int2, extract(year FROM $7)::int4",
                parameterTypes: types)
            let harness = try Harness(server.configuration, [echo])
            harness.connect()
            var parameters = ParameterBuffer()
            parameters.append(int32: .min)
            parameters.append(int64: .max)
            parameters.append(text: "żółć 🎉")
            let raw: [UInt8] = [0, 255, 39]
            parameters.append(text: raw.span)
            parameters.append(bool: true)
            parameters.appendNull()
            parameters.append(int64: 86_400_000_000 * 366)
            var integers: [Int64] = []
            var texts: [String] = []
            var bytes: [UInt8] = []
            var nulls: [Bool] = []
            var isTrue = false
            harness.client.read = { rows in
                integers = [0, 1, 6, 7, 8].map { rows.int64(0, $0) }
                texts = [2, 5].map { rows.text(0, $0) }
                bytes = rows.bytes(0, 3).copied
                nulls = (0..<rows.columnCount).map { rows.isNull(0, $0) }
                isTrue = rows.bool(0, 4)
            }
            harness.execute(0, parameters)
            #expect(integers == [Int64(Int32.min), .max, 86_400_000_000 * 366, 12, 2001])
            #expect(texts == ["żółć 🎉", ""])
            #expect(bytes == [0, 255, 39])
            #expect(nulls == [false, false, false, false, false, true, false, false, false])
            #expect(isTrue)
        }

        @Test func everyKindOfArrayComesBack() throws {
            let echo = Statement(
                name: "echo",
                sql: """
                    SELECT array_to_string($1, ',', '-'), array_to_string($2, ','), array_to_string($3, ',', '-'),
                        cardinality($4)
                    """,
                parameterTypes: [
                    PostgresType.textArray, PostgresType.int4Array, PostgresType.int8Array, PostgresType.textArray,
                ])
            let harness = try Harness(server.configuration, [echo])
            harness.connect()
            let nothing: [UInt8] = []
            let noEnds: [Int32] = []
            let numbers: [Int32] = [1, -2, .max]
            let umlaut = Array("ä".utf8)
            var parameters = ParameterBuffer()
            parameters.beginArray(of: PostgresType.text)
            parameters.appendElement(text: umlaut.span)
            parameters.appendNullElement()
            parameters.appendElement(text: nothing.span)
            parameters.endArray()
            parameters.append(int32Array: numbers.span)
            parameters.beginArray(of: PostgresType.int8)
            parameters.appendElement(int64: .min)
            parameters.appendNullElement()
            parameters.endArray()
            parameters.append(textArray: nothing.span, ends: noEnds.span)
            var texts: [String] = []
            var cardinality: Int32 = -1
            harness.client.read = { rows in
                texts = (0..<3).map { rows.text(0, $0) }
                cardinality = rows.int32(0, 3)
            }
            harness.execute(0, parameters)
            #expect(texts == ["ä,-,", "1,-2,2147483647", "-9223372036854775808,-"])
            #expect(cardinality == 0)
        }

        @Test func affectedCountsWhatACommandTouched() throws {
            server.query("DROP TABLE IF EXISTS touched; CREATE TABLE touched AS SELECT n FROM generate_series(1, 12) n")
            let update = Statement(name: "update", sql: "UPDATE touched SET n = n WHERE n > 2", parameterTypes: [])
            let truncate = Statement(name: "truncate", sql: "TRUNCATE touched", parameterTypes: [])
            let harness = try Harness(server.configuration, [update, truncate])
            harness.connect()
            var affected: [Int] = []
            harness.client.read = { rows in affected.append(rows.affected) }
            harness.execute(0, ParameterBuffer())
            harness.execute(1, ParameterBuffer())
            #expect(affected == [10, 0])
        }
    }
}
