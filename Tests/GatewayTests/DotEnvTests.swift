import Glibc
import Testing

@testable import Gateway

@Suite struct DotEnvTests {
    @Test(arguments: [
        ("", [:]), ("\n\n  \n\t\n", [:]), ("# comment\n  # another\n#A=1", [:]), ("A=1", ["A": "1"]),
        ("A=1\r\nB=2\r\n", ["A": "1", "B": "2"]), ("\u{feff}A=1", ["A": "1"]), ("  A=1  ", ["A": "1"]),
        ("A = 1", ["A": "1"]), ("A=", ["A": ""]), ("A=   ", ["A": ""]), ("export A=1", ["A": "1"]),
        ("export\tA=1", ["A": "1"]), ("export=1", ["export": "1"]), ("exporter=1", ["exporter": "1"]),
        ("A=1\nA=2", ["A": "2"]), ("_a9=x", ["_a9": "x"]), ("A=b=c==", ["A": "b=c=="]),
        // comments
        ("A=1 # one", ["A": "1"]), ("A=1\t#one", ["A": "1"]), ("A=#scores", ["A": "#scores"]), ("A=a#b", ["A": "a#b"]),
        ("A= # nothing", ["A": ""]), ("A='1' # one", ["A": "1"]), ("A=\"1\"\t# one", ["A": "1"]),
        // unquoted: nothing is special inside
        ("A=a b  c", ["A": "a b  c"]), (#"A=a'b"c\n$d"#, ["A": #"a'b"c\n$d"#]),
        ("A=amqp://u:p%40+@h:1/v?x=y", ["A": "amqp://u:p%40+@h:1/v?x=y"]), ("A=ä€😀", ["A": "ä€😀"]),
        // single quotes
        ("A=' # $x \\n \" '", ["A": " # $x \\n \" "]), ("A=''", ["A": ""]), ("A= 'x'", ["A": "x"]),
        // double quotes
        (#"A="a\nb\r\t\\\"\'\$\`""#, ["A": "a\nb\r\t\\\"'$`"]), (#"A="$x # 'y'""#, ["A": "$x # 'y'"]),
        (#"A="""#, ["A": ""]),
    ])
    func grammar(text: String, expected: [String: String]) throws {
        #expect(try DotEnv.parse(text) == expected)
    }

    @Test(arguments: [
        ("A", 1), ("\nA B=1", 2), ("1A=1", 1), ("=1", 1), ("A-B=1", 1), ("export", 1), ("export A", 1), ("A=1\n\n%", 3),
        ("A='x", 1), ("A=1\nB=\"x", 2), ("A=\"x\\\"", 1), ("A='x'y", 1), ("A='x'#y", 1), ("A=\"x\" y", 1),
        (#"A="\x""#, 1), (#"A="\"#, 1), ("A=\"a\nb\"", 1), ("A=a\0b", 1), ("Ä=1", 1), ("A: 1", 1),
    ])
    func errorsNameTheLine(text: String, line: Int) {
        do throws(DotEnv.SyntaxError) {
            _ = try DotEnv.parse(text)
            Issue.record("accepted")
        } catch {
            #expect(error.line == line)
            #expect(error.expected.hasPrefix("expected"))
        }
    }

    @Test(arguments: ["", "a", "a b", "#a", "a#b", "'", "\"", "\\", "$x", "`", "a\nb\r\t", " a ", "ä €"])
    func quotedReadsBack(value: String) throws {
        #expect(try DotEnv.parse("A=\(DotEnv.quoted(value))  # comment") == ["A": value])
    }

    @Test(arguments: [
        ("PROT", "PORT"), ("DATABSE_URL", "DATABASE_URL"), ("BROKER_ULR", "BROKER_URL"),
        ("SLACK_API_TOKEN_FIEL", "SLACK_API_TOKEN_FILE"), ("LOGLEVEL", "LOG_LEVEL"),
    ])
    func aMistypedNameIsTold(name: String, meant: String) throws {
        let source = ConfigurationSource(environment: [:], dotEnv: [name: "1", "PORT": "8000"])
        #expect(source.mistypedNames.map(\.name) == [name])
        #expect(source.mistypedNames.map(\.meant) == [meant])
    }

    @Test(arguments: [
        "POSTGRES_PASSWORD", "PATH", "HOME", "POSTS", "COMPOSE_PROJECT_NAME", "X", "ROLES_OF_OTHERS", "HOST",
    ])
    func aNameOfSomebodyElseIsNot(name: String) {
        #expect(ConfigurationSource(environment: [:], dotEnv: [name: "1"]).mistypedNames.isEmpty)
    }

    @Test(arguments: [
        ("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("kitten", "sitting", 3),
        ("ca", "abc", 3),
    ])
    func editDistance(left: String, right: String, distance: Int) {
        #expect(EditDistance.between(left, right) == distance)
        #expect(EditDistance.between(right, left) == distance)
    }

    /// A device, or a bundle of certificates by mistake: refused before it is all read.
    @Test(arguments: [(0, true), (1, false)]) func aFileHasALimit(beyond: Int, isRead: Bool) throws {
        var path = Array("/tmp/score-gateway-file.XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unlink(path)
        }
        let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: ConfigurationLimits.fileBytes + beyond)
        try #require(write(descriptor, bytes, bytes.count) == bytes.count)
        let outcome = Result { () throws(TextFile.Failure) in
            try TextFile.read(String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        if isRead {
            #expect(try outcome.get().utf8.count == bytes.count)
        } else {
            #expect(outcome == .failure(.tooLarge))
        }
    }
}
