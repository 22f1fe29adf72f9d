/// What `JSONReader.value()` met.
public enum JSONValue: Equatable, Sendable {
    /// Opened: go through it with `member()`, or `skip` it.
    case object
    /// Opened: go through it with `element()`, or `skip` it.
    case array
    case string(JSONString)
    case number(JSONNumber)
    case boolean(Bool)
    case null
}
