/// `/openapi.json`: what this process answers, as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0). Made once at start:
/// it describes the paths that the role hosts, with the limits of the configuration.
struct OpenAPIDocument {
    let json: [UInt8]
    /// A strong validator of the bytes.
    let hash: UInt64

    init(_ configuration: Configuration) {
        var paths = [OpenAPIPaths.health]
        if configuration.role.hostsScores {
            var scores = OpenAPIPaths.scores(maximumBody: configuration.maxBody)
            if configuration.apiTokens != nil {
                scores = scores.replacing(#""operationId": "postScores","#, with: OpenAPIComponents.needsToken)
                    // Only posting answers 415.
                    .replacing(#""415": {"#, with: OpenAPIComponents.unauthorized)
            }
            paths.insert(scores, at: 0)
            paths.append(OpenAPIPaths.docs)
        }
        if configuration.role.hostsReporter { paths.append(OpenAPIPaths.reporter) }
        if configuration.rateLimit != nil {
            // What is asked by probes has no limit.
            for index in paths.indices where paths[index] != OpenAPIPaths.health {
                paths[index] = paths[index].replacing(#""responses": {"#, with: OpenAPIComponents.hasRate)
            }
        }
        let components =
            configuration.apiTokens == nil
            ? OpenAPIComponents.json
            : OpenAPIComponents.json.replacing(#""components": {"#, with: OpenAPIComponents.withTokens)
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
            \(components)
            }

            """
        let bytes = Array(text.utf8)
        json = bytes
        hash = EntityTag.hash(bytes.span)
    }
}
