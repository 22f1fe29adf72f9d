/// The module's limits, together, with their reasons.
public enum Limits {
    /// Plaintext of one record (RFC 8446 section 5.1): more is not deciphered, and so not handed on, at once.
    public static let record = 16 * 1024

    /// The first message of a client. What browsers and libraries send has a kilobyte or two, with a ticket and a key share
    /// that withstands quantum computers; OpenSSL would take 128 KiB.
    static let hello = 16 * 1024

    /// What OpenSSL holds for a session while a handshake, or another message of one, is under way: room for a message and for
    /// a record. (Measured, with the largest `hello` that has not come whole.)
    static let handshake = 48 * 1024

    /// Messages of a handshake in what is received at once. A handshake has ten at most, and what may follow it (a KeyUpdate,
    /// a ticket) comes now and then; each costs as much as the deciphering of many kilobytes, so thousands would hold up the
    /// others. Beyond it the session ends.
    static let messages = 32

    /// Enciphered bytes that wait to be sent before more is enciphered: four records are a write large enough for the
    /// kernel, and what is kept twice for a peer that does not read.
    public static let waiting = 64 * 1024

    /// Answers to what a peer may ask for at will (KeyUpdate, RFC 8446 section 4.6.3) that it does not read. Beyond it
    /// the session ends.
    public static let unread = 256 * 1024

    /// Memory for enciphered bytes that a session keeps when nothing waits.
    static let outputKept = 4096
}
