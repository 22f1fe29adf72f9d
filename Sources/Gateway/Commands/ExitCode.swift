/// How a command ends, in the words of sysexits.h.
public enum ExitCode {
    public static let ok: Int32 = 0
    /// EX_USAGE: the command was used incorrectly.
    public static let usage: Int32 = 64
    /// EX_UNAVAILABLE: something that is needed did not answer.
    public static let unavailable: Int32 = 69
    /// EX_SOFTWARE: an error in the program or in what it could not foresee.
    public static let software: Int32 = 70
    /// EX_CONFIG: a value of the configuration is wrong or missing.
    public static let configuration: Int32 = 78
}
