/// The limits of reading a configuration.
enum ConfigurationLimits {
    /// A `.env` or a file named by `NAME_FILE` larger than this is a mistake (a certificate bundle, a device), and
    /// is refused before it is read into memory.
    static let fileBytes = 64 * 1024

    /// AMQP 0-9-1 carries names and virtual hosts as short strings (section 4.2.5.3): a length byte and the bytes.
    static let amqpNameBytes = 255

    /// A cgroup path of the kernel (PATH_MAX); deeper ones are not walked.
    static let cgroupLevels = 64

    /// Origins in `ALLOWED_ORIGINS`: each has a set of header fields, whose number is a byte; 0 and 1 are none and any.
    static let origins = 254

    /// A duration has at most this many digits after the point: configuration is in milliseconds.
    static let fractionDigits = 3
}
