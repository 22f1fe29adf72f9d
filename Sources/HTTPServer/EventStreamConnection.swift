import Bytes
import HTTP1
import Reactor

/// One stream of Server-Sent Events (WHATWG HTML, section 9.2): a response without end, which the close of the connection
/// ends. What the events are is the subclass's affair.
open class EventStreamConnection: UpgradedConnection {
    private var hasEnded = false
    private var remindAt: Instant

    public init(now: Instant) {
        remindAt = now + HTTPServerLimits.eventReminder
        super.init()
    }

    /// A proxy must neither keep it nor hold it back (`X-Accel-Buffering`: nginx). `retry` is how many milliseconds a
    /// browser waits before it comes again.
    override func appendHead(
        _ request: RequestParser, in bytes: Span<UInt8>, date: DateField, fields: Span<UInt8>,
        to output: inout ByteBuffer
    ) {
        output.append(Status.ok.line)
        date.append(to: &output)
        output.append(EventStreamConnection.fields)
        output.append(fields)
        output.append("Connection: close\r\n\r\nretry: 1000\n\n")
    }

    /// The field lines of its head, also for the answer to HEAD.
    public static let fields: StaticString =
        "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"

    open override func comeAgain(_ reason: StaticString) {
        end(reason)
    }

    private func end(_ reason: StaticString) {
        guard stream.isOpen, !hasEnded else { return }
        ended()
        comment(reason)
        stream.closeAfterFlush()
    }

    private func ended() {
        guard !hasEnded else { return }
        hasEnded = true
        ending()
    }

    /// A line that no client hands on.
    private func comment(_ text: StaticString) {
        stream.output.append(": ")
        stream.output.append(text)
        stream.output.append("\n\n")
        stream.scheduleFlush()
    }

    // MARK: The stream's events

    /// A client has nothing more to say.
    public final override func received(_ bytes: Span<UInt8>) -> Int { bytes.count }

    public final override func receivedEnd() {
        stream.close()
    }

    public final override func closed(_ reason: StreamEnd) {
        server.remove(self)
        ended()
    }

    public final override func sweep(_ now: Instant) {
        if stream.isWriteBlocked {
            if now - stream.lastProgress > HTTPServerLimits.writeStall {
                server.count(.stalled)
                stream.close()
            }
            return
        }
        guard now >= remindAt, !hasEnded else { return }
        remindAt = now + HTTPServerLimits.eventReminder
        comment("still here")
        wroteControl()
    }

    public override func drain() {
        end("the gateway is shutting down")
    }
}
