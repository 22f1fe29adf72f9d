// libFuzzer entry for the JSON reader; Tests/Fuzz/run builds it and lets it run.
//
// Properties: a text is read to its end or refused with an offset inside of it; what was read and printed is JSON, and
// printing it again changes nothing; a string's two counts, of the token and of its decoded bytes, agree; any text, written
// as a string, is read as it was. The verdict is Foundation's, and so is the meaning, but for the differences that
// `foundation` names.

import Bytes
import Foundation
import JSON

@c(LLVMFuzzerTestOneInput)
public func fuzzJSON(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let text = Array(UnsafeBufferPointer(start: data, count: size))
    writer(text)
    foundation(text)
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

/// Any text as a string, alone and as a member's name.
private func writer(_ bytes: [UInt8]) {
    let text = Array(String(decoding: bytes, as: UTF8.self).utf8)
    var output = ByteBuffer()
    output.append("{" as StaticString)
    output.append(jsonString: text)
    output.append(":" as StaticString)
    output.append(jsonString: text.span)
    output.append("}" as StaticString)
    let written = output.bytes.copied
    precondition(!written.contains { $0 < 0x20 }, "a control character as it is")
    do throws(JSONError) {
        var reader = JSONReader(written.span)
        guard case .object = try reader.value(), let name = try reader.member() else {
            preconditionFailure("what was written is no object")
        }
        var decoded: [UInt8] = []
        try name.decode(from: written.span, to: &decoded)
        precondition(decoded == text, "written and read, it is another name")
        guard case .string(let string) = try reader.value() else {
            preconditionFailure("what was written is no string")
        }
        decoded = []
        try string.decode(from: written.span, to: &decoded)
        precondition(decoded == text, "written and read, it is another text")
        if try reader.member() != nil { preconditionFailure("there is more than was written") }
        try reader.end()
    } catch {
        preconditionFailure("what was written is no JSON")
    }
}

/// The verdict of `JSONSerialization`, which nobody here wrote.
private func foundation(_ text: [UInt8]) {
    // It guesses UTF-16 and UTF-32 from zero bytes and marks; RFC 8259, section 8.1, is UTF-8 only.
    guard !text.contains(0), text.first ?? 0 < 0xEF else { return }
    let options: JSONSerialization.ReadingOptions = [.fragmentsAllowed]
    let theirs = try? JSONSerialization.jsonObject(with: Data(text), options: options)
    do throws(JSONError) {
        let ours = try printed(text)
        guard let theirs else {
            // Good grammar, but a number beyond Double is nothing that it can hold.
            precondition(hasHugeNumber(text), "Foundation refuses it")
            return
        }
        guard let again = try? JSONSerialization.jsonObject(with: Data(ours), options: options) else {
            preconditionFailure("Foundation refuses what was printed")
        }
        // Numbers that are no integers of 64 bits are printed as 0. And it loses a U+FEFF that stands behind an escape, as if
        // a text began there.
        if !numbers(text).contains(where: { Int64($0) == nil }),
            !String(decoding: text, as: UTF8.self).unicodeScalars.contains("\u{FEFF}")
        {
            precondition((theirs as? NSObject) == (again as? NSObject), "to Foundation it means something else")
        }
    } catch {
        switch error.kind {
        // Ours is stricter on purpose.
        case .loneSurrogate, .tooDeep: return
        default: precondition(theirs == nil || hasTrailingComma(text), "Foundation takes it")
        }
    }
}

/// What it takes although the grammar does not: a comma before the end of a container.
private func hasTrailingComma(_ text: [UInt8]) -> Bool {
    let marks = outsideStrings(text).filter { !" \n\r\t".utf8.contains($0) }
    return zip(marks, marks.dropFirst()).contains { $0 == UInt8(ascii: ",") && "]}".utf8.contains($1) }
}

private func hasHugeNumber(_ text: [UInt8]) -> Bool {
    numbers(text).contains { Double($0)?.isInfinite == true }
}

private func numbers(_ text: [UInt8]) -> [String] {
    outsideStrings(text).split { !"+-.0123456789eE".utf8.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
        .filter { $0.utf8.contains { $0 &- 0x30 <= 9 } }
}

/// The text with nothing in its strings.
private func outsideStrings(_ text: [UInt8]) -> [UInt8] {
    var outside: [UInt8] = []
    var isInside = false
    var isEscaped = false
    for byte in text {
        if !isInside || (byte == UInt8(ascii: "\"") && !isEscaped) { outside.append(byte) }
        if byte == UInt8(ascii: "\""), !isEscaped { isInside.toggle() }
        isEscaped = isInside && byte == UInt8(ascii: "\\") && !isEscaped
    }
    return outside
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
