import Bytes
import Testing

@testable import HTTP1

/// What a parser said, apart from how its bytes were cut: adjacent pieces of content are one.
enum Entry: Equatable, CustomStringConvertible {
    case head(String)
    case interim(String)
    case body(String)
    case end
    case error(HTTPError)
    /// Bytes left over when nothing more came out.
    case rest(Int)

    var description: String {
        switch self {
        case .head(let text): "head(\(text))"
        case .interim(let text): "interim(\(text))"
        case .body(let text): "body(\(text.count > 60 ? "\(text.count) characters" : text))"
        case .end: "end"
        case .error(let error): "error(\(error))"
        case .rest(let count): "rest(\(count))"
        }
    }
}

/// Feeds `bytes` cut at `cuts`, as a connection would: what was not consumed comes again, with more after it.
func requestTranscript(
    _ bytes: [UInt8], cuts: [Int] = [], limits: Limits = Limits(), maximumBodyLength: Int64? = nil
) -> [Entry] {
    let parser = RequestParser(limits: limits)
    var entries: [Entry] = []
    var start = 0
    for end in cuts + [bytes.count] {
        while true {
            let event: RequestEvent
            do throws(HTTPError) {
                event = try parser.next(bytes.span.extracting(start..<end))
            } catch {
                var again: HTTPError?
                do throws(HTTPError) { _ = try parser.next(bytes.span.extracting(start..<end)) } catch { again = error }
                #expect(again == error, "dead after an error")
                return entries + [.error(error)]
            }
            switch event {
            case .needMore(let consumed):
                start += consumed
            case .head(let consumed):
                entries.append(.head(describe(parser.head, bytes.span.extracting(start..<end))))
                if let maximumBodyLength { parser.maximumBodyLength = maximumBodyLength }
                start += consumed
            case .body(let range, let consumed):
                append(bytes.span.extracting(start..<end).extracting(range).text, to: &entries)
                start += consumed
            case .end(let consumed):
                entries.append(.end)
                start += consumed
            }
            if case .needMore = event { break }
        }
    }
    if start < bytes.count { entries.append(.rest(bytes.count - start)) }
    return entries
}

/// As `requestTranscript`; the connection ends after the bytes when `closes`.
func responseTranscript(
    _ bytes: [UInt8], cuts: [Int] = [], to method: HTTP1.Method = .get, closes: Bool = false,
    maximumBodyLength: Int64? = nil
) -> [Entry] {
    var parser = ResponseParser(requestMethod: method)
    if let maximumBodyLength { parser.maximumBodyLength = maximumBodyLength }
    var entries: [Entry] = []
    var start = 0
    do throws(HTTPError) {
        for end in cuts + [bytes.count] {
            while true {
                let window = bytes.span.extracting(start..<end)
                let event = try parser.next(window)
                switch event {
                case .needMore(let consumed):
                    start += consumed
                case .interim(let consumed):
                    entries.append(.interim(describe(parser.head, window)))
                    start += consumed
                case .head(let consumed):
                    entries.append(.head(describe(parser.head, window)))
                    start += consumed
                case .body(let range, let consumed):
                    append(window.extracting(range).text, to: &entries)
                    start += consumed
                case .end(let consumed):
                    entries.append(.end)
                    start += consumed
                }
                if case .needMore = event { break }
                if case .end = event, parser.head.isUpgrade { return entries + [.rest(bytes.count - start)] }
            }
        }
        if closes, try parser.finish() == .end(consumed: 0) { entries.append(.end) }
    } catch {
        return entries + [.error(error)]
    }
    if start < bytes.count { entries.append(.rest(bytes.count - start)) }
    return entries
}

private func append(_ text: String, to entries: inout [Entry]) {
    if case .body(let before)? = entries.last {
        entries[entries.count - 1] = .body(before + text)
    } else {
        entries.append(.body(text))
    }
}

private func describe(_ head: RequestHead, _ bytes: Span<UInt8>) -> String {
    var text = bytes.extracting(head.methodToken).text + " " + bytes.extracting(head.path).text
    if let query = head.query { text += "?" + bytes.extracting(query).text }
    if let authority = head.authority { text += " @" + bytes.extracting(authority).text }
    if head.versionMinor != 1 { text += " 1.\(head.versionMinor)" }
    switch head.framing {
    case .none: break
    case .length(let length): text += " length=\(length)"
    case .chunked: text += " chunked"
    }
    if !head.keepAlive { text += " close" }
    if head.expectsContinue { text += " continue" }
    if head.isWebSocketUpgrade { text += " websocket" }
    return text
}

private func describe(_ head: ResponseHead, _ bytes: Span<UInt8>) -> String {
    var text = "\(head.status) \(bytes.extracting(head.reason).text)"
    switch head.framing {
    case .some(.none): break
    case .length(let length): text += " length=\(length)"
    case .chunked: text += " chunked"
    case nil: text += " until-close"
    }
    if !head.keepAlive { text += " close" }
    if head.isUpgrade { text += " upgrade" }
    return text
}

/// Runs `transcript` on the bytes whole, cut in two at every place, and byte by byte: all must say the same.
func everyChunking(
    _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation, _ transcript: (_ cuts: [Int]) -> [Entry]
) -> [Entry] {
    let whole = transcript([])
    // A long input is cut at every place near its ends and at some in between.
    let step = max(1, bytes.count / 500)
    for cut in 1..<max(2, bytes.count) where cut % step == 0 || cut < 50 || cut > bytes.count - 50 {
        let split = transcript([cut])
        #expect(split == whole, "cut at \(cut)", sourceLocation: sourceLocation)
    }
    let dripped = transcript(Array(1..<max(1, bytes.count)))
    #expect(dripped == whole, "byte by byte", sourceLocation: sourceLocation)
    return whole
}

/// A request's transcript, the same for every chunking.
func requests(
    _ text: String, limits: Limits = Limits(), maximumBodyLength: Int64? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) -> [Entry] {
    requests(Array(text.utf8), limits: limits, maximumBodyLength: maximumBodyLength, sourceLocation: sourceLocation)
}

func requests(
    _ bytes: [UInt8], limits: Limits = Limits(), maximumBodyLength: Int64? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) -> [Entry] {
    everyChunking(bytes, sourceLocation: sourceLocation) {
        requestTranscript(bytes, cuts: $0, limits: limits, maximumBodyLength: maximumBodyLength)
    }
}

func responses(
    _ text: String, to method: HTTP1.Method = .get, closes: Bool = false, maximumBodyLength: Int64? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) -> [Entry] {
    let bytes = Array(text.utf8)
    return everyChunking(bytes, sourceLocation: sourceLocation) {
        responseTranscript(bytes, cuts: $0, to: method, closes: closes, maximumBodyLength: maximumBodyLength)
    }
}

/// A wire example and what has to come of it.
struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let wire: [UInt8]
    let error: HTTPError

    init(_ name: String, _ wire: String, _ error: HTTPError) {
        self.name = name
        self.wire = Array(wire.utf8)
        self.error = error
    }

    init(_ name: String, bytes: [UInt8], _ error: HTTPError) {
        self.name = name
        wire = bytes
        self.error = error
    }

    var testDescription: String { name }
}
