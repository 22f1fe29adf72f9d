import Bytes
import HTTP1
import Reactor

/// Names one request that waits for its answer. A late answer for a client that has left finds nothing and is dropped,
/// so work under way keeps tickets and never a reference to a connection.
public struct ResponseTicket: Equatable, Sendable {
    let connection: Token
    /// Which request of its connection: answers leave in this order (RFC 9112 section 9.3.2).
    let sequence: UInt32
    private(set) var form: ResponseForm
    /// What the responder calls the kind of request (`routed`); 0: it did not say.
    public private(set) var route: UInt8 = 0
    /// Field lines that go with the answer, whatever it is (`HTTPServer.Options.fieldSets`); 0: none.
    public private(set) var fieldSet: UInt8 = 0
    /// When its head was read, on the reactor's clock: microseconds, which begin anew after 71 minutes.
    let startedAt: UInt32

    init(connection: Token, sequence: UInt32, form: ResponseForm, startedAt: UInt32) {
        self.connection = connection
        self.sequence = sequence
        self.form = form
        self.startedAt = startedAt
    }

    /// The same request, known as one of this kind: so `Responder.answering` knows it again.
    @inline(__always) public func routed(_ route: UInt8) -> ResponseTicket {
        var ticket = self
        ticket.route = route
        return ticket
    }

    /// The same request, whose answer says more.
    /// - Parameter fieldSet: one of `HTTPServer.Options.fieldSets`, counted from 1.
    @inline(__always) public func adding(fieldSet: UInt8) -> ResponseTicket {
        var ticket = self
        ticket.fieldSet = fieldSet
        return ticket
    }

    /// How long ago it began, in microseconds. To the turn: what is answered in the turn it came in took none.
    public func age(_ now: Instant) -> Int { Int(ResponseTicket.microseconds(now) &- startedAt) }

    @inline(__always) static func microseconds(_ now: Instant) -> UInt32 {
        UInt32(truncatingIfNeeded: now.nanoseconds / 1000)
    }

    /// The same request, whose answer is the connection's last: what the client still sends is not worth reading.
    public var closing: ResponseTicket {
        var ticket = self
        ticket.form.insert(.closes)
        return ticket
    }

    /// The same request, which is HEAD, for what has no length to GET either (RFC 9110 section 8.6).
    public var withoutLength: ResponseTicket {
        precondition(form.contains(.headOnly), "where would the content end?")
        var ticket = self
        ticket.form.insert(.lengthless)
        return ticket
    }
}

/// What of the request decides the form of its answer.
struct ResponseForm: OptionSet, Sendable {
    let rawValue: UInt8

    /// HEAD: the head of the answer alone (RFC 9110 section 9.3.2).
    static let headOnly = ResponseForm(rawValue: 1)
    /// The client asked to close, or nothing more can be read: `Connection: close`.
    static let closes = ResponseForm(rawValue: 2)
    /// HTTP/1.0: no chunked coding; keep-alive must be said.
    static let http10 = ResponseForm(rawValue: 4)
    /// An answer to HEAD that does not say how long the content would be.
    static let lengthless = ResponseForm(rawValue: 8)

    /// What the answer says about its connection.
    var connection: ConnectionOption {
        contains(.closes) ? .close : contains(.http10) ? .keepAliveHTTP10 : .keepAlive
    }

    /// An answer whose body is all there.
    func append(
        _ status: Status, _ date: DateField, _ contentType: StaticString?, _ fields: Span<UInt8>,
        _ furtherFields: Span<UInt8>, _ body: Span<UInt8>, to output: inout ByteBuffer
    ) {
        ResponseEncoder.begin(&output, status, date: date, connection)
        if let contentType { ResponseEncoder.contentType(&output, contentType) }
        let hasContent = !status.forbidsContent
        if hasContent, !contains(.lengthless) { ResponseEncoder.contentLength(&output, Int64(body.count)) }
        output.append(fields)
        if !furtherFields.isEmpty { output.append(furtherFields) }
        ResponseEncoder.end(&output)
        if hasContent, !contains(.headOnly) { output.append(body) }
    }

    /// The head of an answer whose body is still to be made.
    func appendHead(
        _ status: Status, _ date: DateField, _ contentType: StaticString, _ fields: Span<UInt8>,
        _ furtherFields: Span<UInt8>, to output: inout ByteBuffer
    ) {
        ResponseEncoder.begin(&output, status, date: date, connection)
        ResponseEncoder.contentType(&output, contentType)
        if !contains(.http10) { ResponseEncoder.chunked(&output) }
        output.append(fields)
        output.append(furtherFields)
        ResponseEncoder.end(&output)
    }
}
