/// `/openapi.json`: what this process answers, as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0). Made once at start:
/// it describes the paths that the role hosts, with the limits of the configuration.
struct OpenAPIDocument {
    let json: [UInt8]
    /// A strong validator of the bytes.
    let hash: UInt64

    init(role: Role, maximumBody: Int) {
        var paths = [OpenAPIPaths.health]
        if role.hostsScores { paths.insert(OpenAPIPaths.scores(maximumBody: maximumBody), at: 0) }
        if role.hostsReporter { paths.append(OpenAPIPaths.reporter) }
        let text = """
            {
            "openapi": "3.1.0",
            "info": {
              "title": "Score Gateway",
              "version": "\(Version.text)",
              "summary": "Takes scores, keeps them, and shows them live.",
              "description": "A score is answered when it is stored. Errors are application/problem+json (RFC 9457).",
              "license": { "name": "MIT", "identifier": "MIT" }
            },
            "tags": [
              { "name": "scores", "description": "Take and list scores." },
              { "name": "feed", "description": "Follow the scores as they come." },
              { "name": "operation", "description": "For orchestrators and monitoring." }
            ],
            "paths": {
            \(paths.joined(separator: ",\n"))
            },
            \(OpenAPIComponents.json)
            }

            """
        let bytes = Array(text.utf8)
        json = bytes
        hash = EntityTag.hash(bytes.span)
    }
}
