/// Why a message cannot be taken, and with it the answer: its status and one sentence for the problem document.
///
/// After every one of these the connection closes: where the next message would begin is not known for certain.
public enum HTTPError: UInt8, Error, Equatable, Sendable, CaseIterable {
    // The request line (RFC 9112 §3).
    case tooManyEmptyLines
    case malformedMethod
    case methodTooLong
    case malformedRequestLine
    case malformedTarget
    case fragmentInTarget
    case unsuitableTargetForm
    case malformedAuthority
    case targetTooLong
    case connectNotSupported
    case malformedVersion
    case unsupportedVersion

    // Lines and fields (RFC 9112 §2.2 and §5, RFC 9110 §5).
    case bareCarriageReturn
    case bareLineFeed
    case emptyFieldName
    case malformedFieldName
    case whitespaceBeforeColon
    case missingColon
    case lineFolding
    case malformedFieldValue
    case headTooLarge
    case tooManyFields
    case trailersTooLarge

    // Host (RFC 9112 §3.2).
    case missingHost
    case repeatedHost
    case malformedHost

    // Framing (RFC 9112 §6).
    case contentLengthWithTransferEncoding
    case repeatedContentLength
    case malformedContentLength
    case contentLengthOverflow
    case repeatedTransferEncoding
    case transferEncodingInHTTP10
    case chunkedNotFinal
    case unsupportedTransferCoding
    case contentTooLarge

    // Chunks (RFC 9112 §7.1).
    case malformedChunkSize
    case chunkSizeOverflow
    case malformedChunkExtension
    case chunkLineTooLong
    case malformedChunkEnd

    // Semantics (RFC 9110 §10.1.1; RFC 3986 §2.1), and time, which the server keeps (RFC 9110 §15.5.9).
    case unknownExpectation
    case malformedEscape
    case requestTimeout

    // In responses, for the client's role.
    case malformedStatusLine
    case unexpectedEnd

    /// The status to answer with; in the client's role, the one a gateway would answer with.
    public var status: Status {
        switch self {
        case .targetTooLong: .uriTooLong
        case .headTooLarge, .tooManyFields, .trailersTooLarge: .requestHeaderFieldsTooLarge
        case .contentTooLarge: .contentTooLarge
        case .unsupportedTransferCoding, .methodTooLong, .connectNotSupported: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        case .unknownExpectation: .expectationFailed
        case .requestTimeout: .requestTimeout
        case .malformedStatusLine, .unexpectedEnd: .badGateway
        default: .badRequest
        }
    }

    /// One sentence for a human being who has to mend the client.
    public var reason: StaticString {
        switch self {
        case .tooManyEmptyLines: "Too many empty lines stand before the request line."
        case .malformedMethod: "The method is not a token."
        case .methodTooLong: "The method is longer than any that is implemented."
        case .malformedRequestLine:
            "The request line is not a method, a target and a version with one space between each."
        case .malformedTarget: "The request target contains a byte that is not printable ASCII."
        case .fragmentInTarget: "The request target contains a fragment (#)."
        case .unsuitableTargetForm: "The request target has a form that this method does not allow."
        case .malformedAuthority: "The host or port of the request target is malformed."
        case .targetTooLong: "The request target is too long."
        case .connectNotSupported: "This server is no tunnel: CONNECT is not implemented."
        case .malformedVersion: "The request line does not end with an HTTP version such as HTTP/1.1."
        case .unsupportedVersion: "Only HTTP/1.0 and HTTP/1.1 are spoken here."
        case .bareCarriageReturn: "A carriage return is not followed by a line feed."
        case .bareLineFeed: "A line ends with a line feed that no carriage return precedes."
        case .emptyFieldName: "A field has no name."
        case .malformedFieldName: "A field name contains a byte that is not allowed there."
        case .whitespaceBeforeColon: "White space stands between a field name and its colon."
        case .missingColon: "A field line has no colon."
        case .lineFolding: "A field line begins with white space; line folding is obsolete."
        case .malformedFieldValue: "A field value contains a control character."
        case .headTooLarge: "The head of the message is too large."
        case .tooManyFields: "The message has too many fields."
        case .trailersTooLarge: "The trailer section of the message is too large."
        case .missingHost: "The request has no Host field."
        case .repeatedHost: "The request has more than one Host field."
        case .malformedHost: "The Host field is not a host with an optional port."
        case .contentLengthWithTransferEncoding: "The message has both Content-Length and Transfer-Encoding."
        case .repeatedContentLength: "The message has more than one Content-Length field."
        case .malformedContentLength: "Content-Length is not one decimal number."
        case .contentLengthOverflow: "Content-Length is beyond all measure."
        case .repeatedTransferEncoding: "The message has more than one Transfer-Encoding field."
        case .transferEncodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding."
        case .chunkedNotFinal: "The final transfer coding is not one single \"chunked\"."
        case .unsupportedTransferCoding: "No transfer coding but \"chunked\" is implemented."
        case .contentTooLarge: "The content is larger than is accepted here."
        case .malformedChunkSize: "A chunk size is not a hexadecimal number."
        case .chunkSizeOverflow: "A chunk size is beyond all measure."
        case .malformedChunkExtension: "A chunk extension is malformed."
        case .chunkLineTooLong: "The lines before the chunks are too long."
        case .malformedChunkEnd: "A chunk does not end where its size says."
        case .unknownExpectation: "No expectation but \"100-continue\" can be met."
        case .malformedEscape: "A percent sign is not followed by two hexadecimal digits."
        case .requestTimeout: "The request did not arrive in time."
        case .malformedStatusLine: "The status line of the response is malformed."
        case .unexpectedEnd: "The connection ended in the middle of a message."
        }
    }
}
