/// The version of the program, written here and nowhere else.
public enum Version {
    public static let text = "0.1.0"
}
