/// What the reader refuses rather than follows.
public enum JSONLimits {
    /// Containers inside one another. Our own values need two (an object in an array); what a client nests in members
    /// that we ignore may go deeper, but not so deep that a kilobyte of `[` is worth sending.
    public static let depth = 32
}
