import Bytes
import Logging
import Testing

@testable import Gateway

@Suite struct LogFormatTests {
    private func line(
        _ format: LogFormat, _ message: String, _ metadata: Logger.Metadata = [:], level: Logger.Level = .info
    ) -> String {
        var line = ByteBuffer()
        format.append(time: 1_795_381_200_123, level: level, message: message, metadata: metadata, to: &line)
        return line.bytes.text
    }

    @Test func text() {
        #expect(line(.text, "listening", ["port": "8000"]) == "2026-11-22T21:00:00.123Z info  listening port=8000\n")
        #expect(line(.text, "m", level: .error) == "2026-11-22T21:00:00.123Z error m\n")
        #expect(line(.text, "m", level: .warning) == "2026-11-22T21:00:00.123Z warning m\n")
        #expect(line(.text, "m", level: .critical) == "2026-11-22T21:00:00.123Z critical m\n")
    }

    @Test func textValues() {
        let metadata: Logger.Metadata = [
            "a": "x y", "b": "", "c": "q\"=\\", "d": .stringConvertible(5), "e": ["1", "two"], "f": ["k": "v"],
            "g": "ü",
        ]
        #expect(
            line(.text, "m", metadata)
                == "2026-11-22T21:00:00.123Z info  m a=\"x y\" b=\"\" c=\"q\\\"=\\\\\" d=5 e=[\"1\",\"two\"] f={\"k\":\"v\"} g=\"ü\"\n"
        )
    }

    @Test func oneEventIsOneLine() {
        let nasty = "a\nb\r\t\u{1b}[31m\u{7f}\u{85}\u{9b}é"
        let escaped = #"a\nb\r\t\u001b[31m\u007f\u0085\u009bé"#
        #expect(line(.text, nasty, ["k": "\(nasty)"]) == "2026-11-22T21:00:00.123Z info  \(escaped) k=\"\(escaped)\"\n")
        #expect(
            line(.json, nasty)
                == #"{"time":"2026-11-22T21:00:00.123Z","level":"info","msg":"\#(escaped)"}"# + "\n")
    }

    @Test func json() {
        let metadata: Logger.Metadata = [
            "port": .stringConvertible(8000), "ok": .stringConvertible(true), "rate": .stringConvertible(0.5),
            "nan": .stringConvertible(Double.nan), "who": "a \"b\" \\", "list": ["1", .stringConvertible(2)],
            "map": ["y": "1", "x": "2"], "msg": "not the message", "time": "t", "big": .stringConvertible(UInt64.max),
        ]
        #expect(
            line(.json, "say \"hi\"", metadata)
                == #"{"time":"2026-11-22T21:00:00.123Z","level":"info","msg":"say \"hi\"","big":18446744073709551615,"#
                + #""list":["1",2],"map":{"x":"2","y":"1"},"msg_":"not the message","nan":"nan","ok":true,"port":8000,"#
                + #""rate":0.5,"time_":"t","who":"a \"b\" \\"}"# + "\n")
    }

    @Test func aLongLineIsCut() {
        let long = String(repeating: "é", count: LogLimits.lineBytes)
        let text = line(.text, long)
        #expect(text.utf8.count <= LogLimits.lineBytes + 4)
        #expect(text.hasSuffix("é…\n"))
        let json = line(.json, long, ["kept": "1", "left": "\(long)", "out": "2"])
        #expect(json.hasSuffix("…\",\"kept\":\"1\",\"out\":\"2\"}\n"))
    }
}
