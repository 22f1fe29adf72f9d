// libFuzzer entry for the JSON reader; Tests/Fuzz/run builds it and lets it run.
//
// Properties: a text is read to its end or refused with an offset inside of it; what was read and printed is JSON, and
// printing it again changes nothing; a string's two counts, of the token and of its decoded bytes, agree.

import Bytes
import JSON

@c(LLVMFuzzerTestOneInput)
public func fuzzJSON(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let text = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(JSONError) {
        let once = try printed(text)
        do throws(JSONError) {
            let twice = try printed(once)
            precondition(once == twice, "printing again changes the text")
        } catch {
            preconditionFailure("what was printed is no JSON")
        }
        precondition(isSkipped(text), "skipping and reading disagree")
    } catch {
        precondition((0...size).contains(error.offset), "an offset outside of the text")
        precondition(error.kind == .loneSurrogate || !isSkipped(text), "skipping and reading disagree")
    }
    return 0
}

private func isSkipped(_ text: [UInt8]) -> Bool {
    var reader = JSONReader(text.span)
    do throws(JSONError) {
        try reader.skip(try reader.value())
        try reader.end()
        return true
    } catch {
        return false
    }
}

/// The text in compact form: strings decoded and escaped anew, integers by value, other numbers as 0.
private func printed(_ text: [UInt8]) throws(JSONError) -> [UInt8] {
    var output = ByteBuffer()
    var reader = JSONReader(text.span)
    try append(try reader.value(), of: text, &reader, &output)
    try reader.end()
    return output.bytes.copied
}

private func append(
    _ value: JSONValue, of text: [UInt8], _ reader: inout JSONReader, _ output: inout ByteBuffer
) throws(JSONError) {
    switch value {
    case .object:
        output.append(UInt8(ascii: "{"))
        var isFirst = true
        while let name = try reader.member() {
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            try append(name, of: text, &output)
            output.append(UInt8(ascii: ":"))
            try append(try reader.value(), of: text, &reader, &output)
        }
        output.append(UInt8(ascii: "}"))
    case .array:
        output.append(UInt8(ascii: "["))
        var isFirst = true
        while try reader.element() {
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            try append(try reader.value(), of: text, &reader, &output)
        }
        output.append(UInt8(ascii: "]"))
    case .string(let string): try append(string, of: text, &output)
    case .number(.integer(let integer)): output.append(decimal: integer)
    case .number: output.append(UInt8(ascii: "0"))
    case .boolean(let boolean): output.append(boolean ? "true" : "false")
    case .null: output.append("null" as StaticString)
    }
}

private func append(_ string: JSONString, of text: [UInt8], _ output: inout ByteBuffer) throws(JSONError) {
    var decoded: [UInt8] = []
    try string.decode(from: text.span, to: &decoded)
    let characters = decoded.span.utf8CharacterCount
    precondition(characters == string.characterCount(in: text.span), "counts differ, or what was decoded is no UTF-8")
    precondition(decoded.contains(0) == string.contents.contains(.nul), "U+0000 was missed")
    output.append(jsonString: decoded)
}
