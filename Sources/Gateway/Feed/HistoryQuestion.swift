/// What the history is asked.
enum HistoryQuestion: Equatable {
    /// The newest scores, oldest of them first.
    case newest
    /// Scores with a greater id, in id order.
    case after(Int64)
}
