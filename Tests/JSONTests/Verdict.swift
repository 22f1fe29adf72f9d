import Bytes
import JSON

/// Reads one text to its end; nil when it is JSON.
func fault(of text: [UInt8]) -> JSONError? {
    do throws(JSONError) {
        var reader = JSONReader(text.span)
        let value = try reader.value()
        try reader.skip(value)
        try reader.end()
        return nil
    } catch {
        return error
    }
}

func fault(of text: String) -> JSONError? {
    fault(of: Array(text.utf8))
}

/// The text again in compact form, every string decoded and escaped anew; numbers as they were written.
func printed(_ text: [UInt8]) throws(JSONError) -> [UInt8] {
    var output = ByteBuffer()
    var reader = JSONReader(text.span)
    try append(try reader.value(), endingAt: reader.position, of: text, &reader, &output)
    try reader.end()
    return output.bytes.copied
}

private func append(
    _ value: JSONValue, endingAt end: Int, of text: [UInt8], _ reader: inout JSONReader, _ output: inout ByteBuffer
) throws(JSONError) {
    switch value {
    case .object:
        var separator: StaticString = "{"
        while let name = try reader.member() {
            output.append(separator)
            separator = ","
            var decoded: [UInt8] = []
            try name.decode(from: text.span, to: &decoded)
            output.append(jsonString: decoded)
            output.append(UInt8(ascii: ":"))
            let member = try reader.value()
            try append(member, endingAt: reader.position, of: text, &reader, &output)
        }
        output.append(separator.utf8Start.pointee == UInt8(ascii: "{") ? "{}" : "}")
    case .array:
        var separator: StaticString = "["
        while try reader.element() {
            output.append(separator)
            separator = ","
            let element = try reader.value()
            try append(element, endingAt: reader.position, of: text, &reader, &output)
        }
        output.append(separator.utf8Start.pointee == UInt8(ascii: "[") ? "[]" : "]")
    case .string(let string):
        var decoded: [UInt8] = []
        try string.decode(from: text.span, to: &decoded)
        output.append(jsonString: decoded)
    case .number:
        let start = text[..<end].lastIndex { !"+-.0123456789eE".utf8.contains($0) }.map { $0 + 1 } ?? 0
        output.append(Array(text[start..<end]))
    case .boolean(let value): output.append(value ? "true" : "false")
    case .null: output.append("null")
    }
}
