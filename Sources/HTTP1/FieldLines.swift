import Bytes

/// Walks over the field lines of a head that was parsed, for the rare reader that needs every line of a name, such as
/// `X-Forwarded-For`, or a name that is no `FieldName`.
///
///     var lines = FieldLines(parser.head.fields)
///     while let line = lines.next(bytes) { … bytes.extracting(line.name) … }
public struct FieldLines {
    public struct Line: Equatable, Sendable {
        public let name: Range<Int>
        /// Without the blanks around it.
        public let value: Range<Int>
    }

    private var parser = FieldLineParser()
    private let end: Int

    /// - Parameter fields: the `fields` of a head.
    public init(_ fields: Range<Int>) {
        parser.begin(at: fields.lowerBound)
        end = fields.upperBound
    }

    /// - Parameter bytes: the same bytes that the head was parsed from.
    public mutating func next(_ bytes: Span<UInt8>) -> Line? {
        // The lines were accepted before: neither an error nor a missing end is possible.
        guard case .line? = try? parser.next(bytes, to: end, maximum: .max) else { return nil }
        return Line(name: parser.name, value: parser.value(in: bytes))
    }

    /// The value of the next line of that name, whatever its case.
    /// - Parameter lowercased: in lower case.
    public mutating func next(_ lowercased: StaticString, _ bytes: Span<UInt8>) -> Range<Int>? {
        while let line = next(bytes) {
            if bytes.extracting(line.name).equalsIgnoringCase(lowercased) { return line.value }
        }
        return nil
    }
}
