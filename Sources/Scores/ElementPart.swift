/// What a splitter found: these bytes of the piece belong to one element (or line), which ends with them or not.
///
///     ⋯ "score":3} , {"user":"ada","score":5} , {"us        one piece
///       ╰─ last ─╯   ╰──────── last ────────╯   ╰─ not last: the next piece goes on with it
///
/// So an element that lies within one piece is read where it is, and only one that was cut is put together by its reader.
struct ElementPart: Equatable {
    let range: Range<Int>
    let isLast: Bool
}
