import CLinux
import Glibc

/// Where the values come from: the environment, `.env`, and the files that variables `NAME_FILE` name.
public struct ConfigurationSource: Sendable {
    /// Where one value came from.
    public enum Origin: Sendable, Equatable {
        case environment
        case dotEnv
        /// Named by `NAME_FILE`.
        case file(String)
        case standard
        case unset

        var text: String {
            switch self {
            case .environment: "environment"
            case .dotEnv: ".env"
            case .file(let path): "file \(path)"
            case .standard: "default"
            case .unset: "not set"
            }
        }
    }

    var environment: [String: String]
    var dotEnv: [String: String]
    var usableCores: Int
    var readFile: @Sendable (String) -> Result<String, TextFile.Failure>

    init(
        environment: [String: String], dotEnv: [String: String] = [:], usableCores: Int = 1,
        readFile: @escaping @Sendable (String) -> Result<String, TextFile.Failure> = { _ in .failure(.system(ENOENT)) }
    ) {
        self.environment = environment
        self.dotEnv = dotEnv
        self.usableCores = usableCores
        self.readFile = readFile
    }

    /// What this process sees: its environment, `.env` in its working directory, its cores and the file system.
    public static func process() throws(ConfigurationError) -> ConfigurationSource {
        var environment: [String: String] = [:]
        for variable in Variable.allCases {
            // By name: `environ` is a mutable global, which Swift does not let anybody read safely.
            for name in [variable.name, variable.fileName] {
                if let value = getenv(name) { environment[name] = String(cString: value) }
            }
        }
        let affinity = Int(clinux_affinity_count())
        return ConfigurationSource(
            environment: environment, dotEnv: try dotEnv(at: ".env"),
            usableCores: UsableCores.count(affinity: affinity) { path in try? TextFile.read(path) },
            readFile: readFile)
    }

    static let readFile: @Sendable (String) -> Result<String, TextFile.Failure> = { path in
        Result { () throws(TextFile.Failure) in try TextFile.read(path) }
    }

    /// The variables of the file; none when there is no such file.
    static func dotEnv(at path: String) throws(ConfigurationError) -> [String: String] {
        let text: String
        do throws(TextFile.Failure) {
            text = try TextFile.read(path)
        } catch .system(ENOENT) {
            return [:]
        } catch {
            throw ConfigurationError([ConfigurationError.Problem(path, "cannot be read: \(error.message)")])
        }
        do throws(DotEnv.SyntaxError) {
            return try DotEnv.parse(text)
        } catch {
            throw ConfigurationError([ConfigurationError.Problem("\(path):\(error.line)", error.expected)])
        }
    }

    /// The value of `variable` as text, and where it came from; nil when it is not set and has no default.
    ///
    /// The environment decides before `.env`, each with `NAME` and `NAME_FILE` alike. An empty value is as good as
    /// none, so that `NAME=` takes back what `.env` says.
    func value(of variable: Variable) throws(ConfigurationError.Problem) -> (text: String?, origin: Origin) {
        for (layer, origin) in [(environment, Origin.environment), (dotEnv, .dotEnv)] {
            let direct = layer[variable.name]
            let path = variable.specification.mayBeInFile ? layer[variable.fileName] : nil
            if let direct, !direct.isEmpty, let path, !path.isEmpty {
                throw ConfigurationError.Problem(
                    variable.fileName, "\(variable.name) is set too: expected only one of them")
            }
            if let path, !path.isEmpty {
                return (try contents(of: path, for: variable), .file(path))
            }
            if let direct, !direct.isEmpty { return (direct, origin) }
            if direct != nil || path != nil { break }
        }
        switch variable.specification.defaultText {
        case "": return (nil, .unset)
        case Variable.usableCores: return ("\(usableCores)", .standard)
        case Variable.fifthOfShutdown:
            let shutdown = try value(of: .shutdownTimeout).text.flatMap(Quantity.duration)
            return (Quantity.text((shutdown ?? .zero) / 5), .standard)
        case let text: return (text, .standard)
        }
    }

    /// Without the end of line that editors and `echo` leave.
    private func contents(of path: String, for variable: Variable) throws(ConfigurationError.Problem) -> String {
        switch readFile(path) {
        case .failure(let failure):
            throw ConfigurationError.Problem(
                variable.fileName, value: path, "expected a file to read the value from: \(failure.message)")
        case .success(let text):
            var bytes = Array(text.utf8)
            while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
            guard !bytes.isEmpty else {
                throw ConfigurationError.Problem(
                    variable.fileName, value: path, "the file is empty: expected the value")
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension Variable {
    /// `NAME_FILE`.
    var fileName: String { name + "_FILE" }
}
