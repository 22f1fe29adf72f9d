import Scores

/// The paths of `/openapi.json`, by the role that hosts them: members of `paths`.
enum OpenAPIPaths {
    static func scores(maximumBody: Int) -> String {
        """
        "/scores": {
          "post": {
            "operationId": "postScores",
            "tags": ["scores"],
            "summary": "Store a score, or many",
            "description": "Answered after the commit. Many scores, as a JSON array or one object a line, are stored all or none; the bad one is named. A single score has at most \(maximumBody) bytes, a batch at most \(max(maximumBody, ScoreLimits.batchBytes)).",
            "parameters": [ { "$ref": "#/components/parameters/IdempotencyKey" } ],
            "requestBody": {
              "required": true,
              "content": {
                "application/json": {
                  "schema": { "oneOf": [
                    { "$ref": "#/components/schemas/Submission" },
                    { "type": "array", "items": { "$ref": "#/components/schemas/Submission" } }
                  ] },
                  "examples": {
                    "one": { "summary": "One score", "value": { "user": "ada", "score": 3 } },
                    "many": { "summary": "Many", "value": [ { "user": "ada", "score": 3 }, { "user": "bob", "score": 5 } ] }
                  }
                },
                "application/x-ndjson": {
                  "schema": { "type": "array", "description": "One element a line.", "items": { "$ref": "#/components/schemas/Submission" } },
                  "examples": {
                    "lines": { "summary": "One a line", "value": "{\\"user\\":\\"ada\\",\\"score\\":3}\\n{\\"user\\":\\"bob\\",\\"score\\":5}\\n" }
                  }
                }
              }
            },
            "responses": {
              "200": {
                "description": "Stored.",
                "content": { "application/json": { "schema": { "oneOf": [
                  { "$ref": "#/components/schemas/Score" }, { "$ref": "#/components/schemas/StoredBatch" }
                ] } } }
              },
              "400": { "$ref": "#/components/responses/BadRequest" },
              "408": { "$ref": "#/components/responses/Problem" },
              "409": { "$ref": "#/components/responses/Again" },
              "413": { "$ref": "#/components/responses/Problem" },
              "415": { "$ref": "#/components/responses/Problem" },
              "417": { "$ref": "#/components/responses/Problem" },
              "422": { "$ref": "#/components/responses/Unprocessable" },
              "503": { "$ref": "#/components/responses/Again" }
            }
          },
          "get": {
            "operationId": "listScores",
            "tags": ["scores"],
            "summary": "Scores in the order of their ids",
            "description": "All of them, streamed, unless limited.",
            "parameters": [
              { "name": "limit", "in": "query", "description": "At most so many.", "schema": { "type": "integer", "minimum": 1, "maximum": 1000000 }, "example": 10 },
              { "name": "after", "in": "query", "description": "Only ids above this one.", "schema": { "type": "integer", "format": "int64", "minimum": 0, "maximum": 9223372036854775807 } },
              { "name": "before", "in": "query", "description": "Only ids below this one.", "schema": { "type": "integer", "format": "int64", "minimum": 0, "maximum": 9223372036854775807 } },
              { "name": "user", "in": "query", "description": "Only of this player, exactly.", "schema": { "type": "string", "maxLength": 255, "pattern": "^[^\\u0000]*$" } },
              { "name": "order", "in": "query", "description": "Ascending or descending ids.", "schema": { "type": "string", "enum": ["asc", "desc"], "default": "asc" } },
              { "$ref": "#/components/parameters/IfNoneMatch" }
            ],
            "responses": {
              "200": {
                "description": "An array of scores. With an ETag when the answer is one page.",
                "headers": {
                  "ETag": { "schema": { "type": "string" } },
                  "Link": { "description": "The next page, rel=\\"next\\", when limit cut the answer.", "schema": { "type": "string" } }
                },
                "content": { "application/json": { "schema": { "type": "array", "items": { "$ref": "#/components/schemas/Score" } } } }
              },
              "304": { "description": "As If-None-Match has it." },
              "400": { "$ref": "#/components/responses/BadRequest" },
              "414": { "$ref": "#/components/responses/Problem" },
              "422": { "$ref": "#/components/responses/Unprocessable" },
              "431": { "$ref": "#/components/responses/Problem" },
              "503": { "$ref": "#/components/responses/Again" }
            }
          }
        },
        "/scores/{id}": {
          "get": {
            "operationId": "getScore",
            "tags": ["scores"],
            "summary": "One score",
            "parameters": [
              { "name": "id", "in": "path", "required": true, "schema": { "type": "integer", "format": "int64", "minimum": 0, "maximum": 9223372036854775807 }, "example": 1 },
              { "$ref": "#/components/parameters/IfNoneMatch" }
            ],
            "responses": {
              "200": {
                "description": "The score.",
                "headers": { "ETag": { "schema": { "type": "string" } } },
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Score" } } }
              },
              "304": { "description": "As If-None-Match has it." },
              "400": { "$ref": "#/components/responses/BadRequest" },
              "404": { "$ref": "#/components/responses/Problem" },
              "431": { "$ref": "#/components/responses/Problem" },
              "503": { "$ref": "#/components/responses/Again" }
            }
          }
        }
        """
    }

    static let reporter = """
        "/": {
          "get": {
            "operationId": "getPage",
            "tags": ["feed"],
            "summary": "The live page",
            "responses": { "200": { "description": "HTML.", "content": { "text/html": { "schema": { "type": "string" } } } } }
          }
        },
        "/ws/{client_id}": {
          "get": {
            "operationId": "followByWebSocket",
            "tags": ["feed"],
            "summary": "The live feed as a WebSocket",
            "description": "First the newest scores, then every one as it comes: a text message each, the object of GET /scores. Resume with the highest id seen; drop doubles by id. permessage-deflate is accepted, without context takeover.",
            "x-websocket": true,
            "parameters": [
              { "name": "client_id", "in": "path", "required": true, "schema": { "type": "integer" }, "example": 1 },
              { "$ref": "#/components/parameters/History" },
              { "$ref": "#/components/parameters/After" }
            ],
            "responses": {
              "101": { "description": "The WebSocket is open (RFC 6455)." },
              "400": { "$ref": "#/components/responses/Problem" },
              "403": { "$ref": "#/components/responses/Problem" },
              "422": { "$ref": "#/components/responses/Unprocessable" },
              "426": { "$ref": "#/components/responses/Problem" },
              "503": { "$ref": "#/components/responses/Again" }
            }
          }
        },
        "/events": {
          "get": {
            "operationId": "followByEvents",
            "tags": ["feed"],
            "summary": "The live feed as Server-Sent Events",
            "description": "The same, an event each; its id is the score's. One that comes late, after a higher id, has none: the last id is the highest.",
            "parameters": [
              { "$ref": "#/components/parameters/History" },
              { "$ref": "#/components/parameters/After" },
              { "name": "Last-Event-ID", "in": "header", "description": "What a browser sends when it comes again; like after.", "schema": { "type": "integer", "minimum": 0 } }
            ],
            "responses": {
              "200": { "description": "Events without end.", "content": { "text/event-stream": { "schema": { "type": "string" } } } },
              "400": { "$ref": "#/components/responses/BadRequest" },
              "403": { "$ref": "#/components/responses/Problem" },
              "422": { "$ref": "#/components/responses/Unprocessable" },
              "503": { "$ref": "#/components/responses/Again" }
            }
          }
        }
        """

    static let docs = """
        "/openapi.json": {
          "get": {
            "operationId": "getOpenAPI",
            "tags": ["operation"],
            "summary": "This document",
            "parameters": [ { "$ref": "#/components/parameters/IfNoneMatch" } ],
            "responses": {
              "200": {
                "description": "OpenAPI 3.1.",
                "headers": { "ETag": { "schema": { "type": "string" } } },
                "content": { "application/json": { "schema": { "type": "object", "required": ["openapi"], "properties": { "openapi": { "type": "string" } } } } }
              },
              "304": { "description": "As If-None-Match has it." }
            }
          }
        },
        "/docs": {
          "get": {
            "operationId": "getDocs",
            "tags": ["operation"],
            "summary": "A page that shows this document",
            "responses": { "200": { "description": "HTML.", "content": { "text/html": { "schema": { "type": "string" } } } } }
          }
        }
        """

    static let health = """
        "/healthz": {
          "get": {
            "operationId": "getHealth",
            "tags": ["operation"],
            "summary": "The process lives",
            "responses": { "200": { "$ref": "#/components/responses/Healthy" } }
          }
        },
        "/readiness": {
          "get": {
            "operationId": "getReadiness",
            "tags": ["operation"],
            "summary": "It is of use, or what is missing",
            "responses": {
              "200": { "$ref": "#/components/responses/Healthy" },
              "503": { "$ref": "#/components/responses/Again" }
            }
          }
        },
        "/metrics": {
          "get": {
            "operationId": "getMetrics",
            "tags": ["operation"],
            "summary": "Metrics for Prometheus",
            "responses": { "200": { "description": "The text format, version 0.0.4.", "content": { "text/plain": { "schema": { "type": "string" } } } } }
          }
        }
        """
}
