import Bytes
import HTTP1
import Reactor

/// What a responder wants done with a request whose head has arrived.
public enum HeadDecision {
    /// The answer was given, or will be given by ticket; the body, if any, is read and dropped.
    case answered
    /// Read the body, at most `limit` bytes, and hand it to `Responder.body`. `context` is handed back with it.
    case collect(limit: Int, context: UInt32)
    /// Read the body, at most `limit` bytes, and hand it piece by piece to the consumer, at the pace it takes them.
    case stream(limit: Int, BodyConsumer)
    /// No further request on this connection: it becomes a WebSocket, whose opening handshake was found good
    /// (`WebSocketUpgrade.check`), or an event stream.
    case upgrade(UpgradedConnection)
}

/// What answers requests: one per reactor. A class with overridable methods, not an existential: one indirect call.
open class Responder {
    public init() {}

    /// A request's head. Its ranges, and those of `request.value(of:)`, are offsets into `bytes`; both are valid within
    /// the call only.
    open func head(
        _ request: RequestParser, in bytes: Span<UInt8>, ticket: ResponseTicket, on server: HTTPServer
    ) -> HeadDecision {
        .answered
    }

    /// The whole body of a request whose head was decided `.collect`. Valid within the call only.
    open func body(_ bytes: Span<UInt8>, context: UInt32, ticket: ResponseTicket, on server: HTTPServer) {}

    /// Whether a new connection is taken (`HTTPServer.Options.asksForAdmission`); if not, it is answered 429 and closed.
    open func admits(_ peer: IPAddress) -> Bool { true }

    /// A connection that was admitted has ended.
    open func left(_ peer: IPAddress) {}

    /// A request is being answered, by whomever: for those who count.
    open func answering(_ ticket: ResponseTicket, _ status: Status) {}

    /// The server refuses a request by itself (malformed, too large, too slow): the body of the answer.
    open func appendProblem(_ status: Status, detail: StaticString, to body: inout ByteBuffer) {}

    /// The content type of `appendProblem`.
    open var problemContentType: StaticString { "application/problem+json" }
}
