/// The table of variables as text for `--help` and as Markdown for the README.
public enum Help {
    public static let abstract = "Takes scores by HTTP, keeps them in PostgreSQL, and shows them live and in Slack."

    /// What `--help` says besides commands and options: at most 78 columns.
    public static var discussion: String {
        var text = """
            One program, four roles: ROLE=scores is the HTTP API that stores scores and
            publishes them to RabbitMQ; ROLE=reporter shows them on a live page;
            ROLE=poster tells Slack; ROLE=all (the default) is the three in one process.
            Every role answers /healthz, /readiness and /metrics.

            It is configured by environment variables, and by a .env file in the working
            directory where the environment says nothing. An empty variable counts as not
            set. Where NAME_FILE is listed, it may name a file that holds the value.
            `score-gateway config` shows what is in effect.

            Bytes are plain or with K, M, G (KiB, MiB, GiB; 1,024 each). Times are in
            seconds or with ms, s, m.

            Exit codes: 0 well ended, 64 wrong usage or unknown ROLE, 69 something needed
            did not answer in time, 70 internal error, 78 wrong configuration.

            """
        for group in Variable.Group.allCases {
            text += "\n\(group.rawValue)\n"
            for variable in Variable.allCases where variable.specification.group == group {
                text += entry(variable)
            }
        }
        return text
    }

    private static let indent = 4
    private static let width = 78

    private static func entry(_ variable: Variable) -> String {
        let specification = variable.specification
        var head = "  \(variable.name)"
        if specification.mayBeInFile { head += ", \(variable.fileName)" }
        if !specification.defaultText.isEmpty { head += " (\(specification.defaultText))" }
        var lines = [head]
        var sentences: [String] = []
        if !specification.help.isEmpty { sentences.append(specification.help) }
        sentences.append(specification.kind.expectation)
        if specification.roles != Role.allCases {
            sentences.append("read in ROLE=" + specification.roles.map(\.rawValue).joined(separator: ", "))
        }
        for sentence in sentences { lines += wrap(sentence) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func wrap(_ text: String) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = margin
        for word in text.split(separator: " ") {
            if line.count > indent, line.count + 1 + word.count > width {
                lines.append(line)
                line = margin + "  "
            } else if line.count > indent {
                line += " "
            }
            line += word
        }
        lines.append(line)
        return lines
    }

    /// The rows of the README's table.
    static var markdown: String {
        var text = "| variable | default | what it is |\n|---|---|---|\n"
        for variable in Variable.allCases {
            let specification = variable.specification
            var notes: [String] = []
            if !specification.help.isEmpty { notes.append(specification.help) }
            notes.append(specification.kind.expectation)
            if specification.mayBeInFile { notes.append("or `\(variable.fileName)`") }
            if specification.roles != Role.allCases {
                notes.append("roles " + specification.roles.map(\.rawValue).joined(separator: ", "))
            }
            let standard = specification.defaultText.isEmpty ? "" : "`\(specification.defaultText)`"
            text += "| `\(variable.name)` | \(standard) | \(notes.joined(separator: "; ")) |\n"
        }
        return text
    }
}
