import Bytes
import JSON

/// `application/problem+json` (RFC 9457, section 3), the body of every error answer:
///
///     {"type":"about:blank","title":"Unprocessable Content","status":422,"detail":"score: …",
///      "errors":[{"loc":["body","score"],"msg":"…","type":"…"}]}
///
/// `detail` and `errors` are left out when empty.
public enum ProblemEncoder {
    public static func append(_ problem: Problem, to output: inout ByteBuffer) {
        append(
            status: problem.status, title: problem.title, detail: problem.detail, errors: problem.faults, to: &output)
    }

    public static func append(
        status: Int, title: String, detail: String = "", errors: [Problem.Fault] = [], to output: inout ByteBuffer
    ) {
        output.append("{\"type\":\"about:blank\",\"title\":")
        output.append(jsonString: title)
        output.append(",\"status\":")
        output.append(decimal: Int64(status))
        if !detail.isEmpty {
            output.append(",\"detail\":")
            output.append(jsonString: detail)
        }
        if !errors.isEmpty {
            var separator: StaticString = ",\"errors\":["
            for fault in errors {
                output.append(separator)
                append(fault, to: &output)
                separator = ","
            }
            output.append(UInt8(ascii: "]"))
        }
        output.append(UInt8(ascii: "}"))
    }

    private static func append(_ fault: Problem.Fault, to output: inout ByteBuffer) {
        var separator: StaticString = "{\"loc\":["
        for place in fault.location {
            output.append(separator)
            switch place {
            case .name(let name): output.append(jsonString: name)
            case .index(let index): output.append(decimal: Int64(index))
            }
            separator = ","
        }
        output.append(fault.location.isEmpty ? "{\"loc\":[],\"msg\":" : "],\"msg\":")
        output.append(jsonString: fault.message)
        output.append(",\"type\":")
        output.append(jsonString: fault.type)
        output.append(UInt8(ascii: "}"))
    }
}
