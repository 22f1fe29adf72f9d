import Bytes
import Glibc
import Logging
import Testing

@testable import Gateway

@Suite struct LogWriterTests {
    /// A pipe in the place of stderr.
    private struct Pipe {
        let reader: Int32
        let writer: Int32

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            reader = ends[0]
            writer = ends[1]
        }

        /// Everything until the writing end is closed, which this does.
        func text() -> String {
            close(writer)
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(reader, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
            close(reader)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private func append(_ text: String, to writer: LogWriter) {
        var line = ByteBuffer()
        line.append(text)
        writer.append(line)
    }

    @Test func linesAreWrittenInOrder() throws {
        let pipe = try Pipe()
        let writer = try LogWriter(output: pipe.writer, format: .text)
        for number in 0..<1000 { append("\(number)\n", to: writer) }
        #expect(writer.finish())
        append("late\n", to: writer)
        #expect(pipe.text() == (0..<1000).map { "\($0)\n" }.joined())
    }

    @Test func nothingToWrite() throws {
        let pipe = try Pipe()
        #expect(try LogWriter(output: pipe.writer, format: .text).finish())
        #expect(pipe.text() == "")
    }

    @Test func loggersWriteThroughIt() throws {
        let pipe = try Pipe()
        let writer = try LogWriter(output: pipe.writer, format: .json)
        var logger = Logger(label: "test") { _ in AsyncLogHandler(writer: writer, format: .json, level: .notice) }
        logger[metadataKey: "worker"] = "1"
        logger.info("not this")
        logger.notice("this", metadata: ["id": "7"])
        logger.error("that", metadata: ["worker": "2"])
        #expect(writer.finish())
        let lines = pipe.text().split(separator: "\n").map { $0.drop { $0 != "," } }
        #expect(
            lines == [
                #","level":"notice","msg":"this","id":"7","worker":"1"}"#,
                #","level":"error","msg":"that","worker":"2"}"#,
            ])
    }

    @Test func aFullQueueDropsAndSaysHowMany() throws {
        let pipe = try Pipe()
        // A pipe nobody reads, filled to the brim, so that the log thread is stuck in write(2).
        let flags = fcntl(pipe.writer, F_GETFL)
        #expect(fcntl(pipe.writer, F_SETFL, flags | O_NONBLOCK) == 0)
        let filler = [UInt8](repeating: UInt8(ascii: "."), count: 4096)
        while write(pipe.writer, filler, filler.count) > 0 {}
        #expect(fcntl(pipe.writer, F_SETFL, flags) == 0)

        let writer = try LogWriter(output: pipe.writer, format: .text, limit: 40)
        // More than the thread can have taken away plus what may wait: some must be dropped, and nothing blocks.
        for number in 100..<200 { append("line \(number)\n", to: writer) }
        #expect(!writer.finish(within: .milliseconds(50)))

        let reader = pipe.reader
        let readerFlags = fcntl(reader, F_GETFL)
        #expect(fcntl(reader, F_SETFL, readerFlags | O_NONBLOCK) == 0)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        repeat {
            var wait = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            poll(&wait, 1, 20)
            while case let count = read(reader, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        } while !writer.finish(within: .milliseconds(20))
        #expect(fcntl(reader, F_SETFL, readerFlags) == 0)
        let text = (String(decoding: bytes, as: UTF8.self) + pipe.text()).drop { $0 == "." }
        let lines = text.split(separator: "\n")
        let written = lines.filter { $0.hasPrefix("line ") }
        let notices = lines.filter { $0.contains("log lines dropped: the queue was full count=") }
        let dropped = notices.compactMap { $0.split(separator: "=").last.flatMap { Int($0) } }.reduce(0, +)
        #expect(!notices.isEmpty)
        #expect(written.count + dropped == 100)
        #expect(written.first == "line 100")
    }

    @Test func aReaderThatLeftIsNoReasonToStop() throws {
        signal(SIGPIPE, SIG_IGN)
        let pipe = try Pipe()
        close(pipe.reader)
        let writer = try LogWriter(output: pipe.writer, format: .text)
        append("x\n", to: writer)
        #expect(writer.finish())
        close(pipe.writer)
    }
}
