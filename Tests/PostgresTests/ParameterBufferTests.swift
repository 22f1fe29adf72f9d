import Testing

@testable import Postgres

/// The bytes of each parameter, or nil for NULL.
private func values(_ parameters: borrowing ParameterBuffer) -> [[UInt8]?] {
    var pointers: [UnsafePointer<CChar>?] = []
    var lengths: [Int32] = []
    return parameters.withParameters(&pointers, &lengths) { pointers, lengths in
        (0..<parameters.count).map { index in
            pointers![index].map { start in
                (0..<Int(lengths![index])).map { UInt8(bitPattern: start[$0]) }
            }
        }
    }
}

@Suite struct ParameterBufferTests {
    @Test func integersAreBigEndianAndATextIsItsBytes() {
        var parameters = ParameterBuffer()
        parameters.append(int32: -2)
        parameters.append(int64: 0x0102_0304_0506_0708)
        parameters.append(text: "é")
        parameters.append(bool: true)
        parameters.appendNull()
        #expect(
            values(parameters) == [[255, 255, 255, 254], [1, 2, 3, 4, 5, 6, 7, 8], [0xC3, 0xA9], [1], nil])
    }

    @Test func anEmptyTextIsNotNull() {
        var parameters = ParameterBuffer()
        parameters.append(text: "")
        #expect(values(parameters) == [[]])
    }

    @Test func anArrayIsItsHeadAndItsElements() {
        var parameters = ParameterBuffer()
        let text = Array("ab".utf8)
        parameters.beginArray(of: PostgresType.text)
        parameters.appendElement(text: text.span)
        parameters.appendNullElement()
        parameters.endArray()
        #expect(
            values(parameters) == [
                [0, 0, 0, 1] + [0, 0, 0, 1] + [0, 0, 0, 25] + [0, 0, 0, 2] + [0, 0, 0, 1]
                    + [0, 0, 0, 2, 0x61, 0x62] + [255, 255, 255, 255]
            ])
    }

    @Test func anEmptyArrayHasNoDimension() {
        var parameters = ParameterBuffer()
        let nothing: [Int32] = []
        parameters.append(int32Array: nothing.span)
        #expect(values(parameters) == [[0, 0, 0, 0] + [0, 0, 0, 0] + [0, 0, 0, 23]])
    }

    @Test func aColumnIsTheSameAsItsElements() {
        var parameters = ParameterBuffer()
        let column = Array("onetwo".utf8)
        let ends: [Int32] = [3, 3, 6]
        let narrow: [Int32] = [7, -7]
        let wide: [Int64] = [1 << 40]
        parameters.append(textArray: column.span, ends: ends.span)
        parameters.beginArray(of: PostgresType.text)
        for text in [Array("one".utf8), [], Array("two".utf8)] { parameters.appendElement(text: text.span) }
        parameters.endArray()
        parameters.append(int32Array: narrow.span)
        parameters.beginArray(of: PostgresType.int4)
        parameters.appendElement(int32: 7)
        parameters.appendElement(int32: -7)
        parameters.endArray()
        parameters.append(int64Array: wide.span)
        parameters.beginArray(of: PostgresType.int8)
        parameters.appendElement(int64: 1 << 40)
        parameters.endArray()
        let values = values(parameters)
        #expect(values[0] == values[1])
        #expect(values[2] == values[3])
        #expect(values[4] == values[5])
    }

    @Test func usedAgainItHoldsOnlyTheNewParameters() {
        var parameters = ParameterBuffer()
        parameters.append(text: "first")
        parameters.removeAll()
        #expect(parameters.count == 0 && parameters.byteCount == 0)
        parameters.append(int32: 1)
        #expect(values(parameters) == [[0, 0, 0, 1]])
    }
}
