/// The limits of logging.
enum LogLimits {
    /// Lines that wait for the log thread. At 100 to 200 bytes a line some 5,000 to 10,000 of them: more than the start
    /// of a large process says at once, and little enough that a stuck reader of stderr costs no memory.
    static let queueBytes = 1 << 20

    /// One line; a longer one is cut. Below what log collectors take as one (Docker's json-file splits at 16 KiB).
    static let lineBytes = 8 * 1024

    /// Above this, the memory of a written batch is given back.
    static let keptBytes = 64 * 1024

    /// How long the end of the program waits for a reader of stderr that does not read.
    static let flushTime = Duration.seconds(1)

    /// Different messages one throttle keeps apart; beyond it the longest silent one is forgotten, whose next
    /// occurrence is then simply written.
    static let throttledKeys = 256
}
