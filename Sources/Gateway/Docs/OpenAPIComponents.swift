/// What the paths of `/openapi.json` refer to.
enum OpenAPIComponents {
    /// In the place of the operation's first line, when posting needs a token.
    static let needsToken = #"""
        "operationId": "postScores",
            "security": [ { "bearer": [] } ],
        """#

    static let unauthorized = #"""
        "401": { "$ref": "#/components/responses/Problem" },
              "415": {
        """#

    /// In the place of the beginning of an operation's answers, when there is a rate limit.
    static let hasRate = #"""
        "responses": {
              "429": { "$ref": "#/components/responses/Again" },
        """#

    /// In the place of the beginning of the components.
    static let withTokens = #"""
        "components": {
          "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
        """#

    static let json = """
        "components": {
          "schemas": {
            "Submission": {
              "type": "object",
              "description": "Other members are ignored.",
              "required": ["user", "score"],
              "properties": {
                "user": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000]+$" },
                "score": { "type": "integer", "format": "int32", "minimum": -2147483648, "maximum": 2147483647, "description": "Written as an integer: 3.0 and 3e0 are refused." }
              }
            },
            "Score": {
              "type": "object",
              "required": ["id", "user", "score", "created_at"],
              "properties": {
                "id": { "type": "integer", "format": "int64" },
                "user": { "type": "string" },
                "score": { "type": "integer", "format": "int32" },
                "created_at": { "type": "string", "format": "date-time", "description": "When it was stored, in UTC to the millisecond." }
              },
              "additionalProperties": false
            },
            "StoredBatch": {
              "type": "object",
              "required": ["stored", "first_id", "last_id"],
              "properties": {
                "stored": { "type": "integer", "minimum": 0 },
                "first_id": { "type": ["integer", "null"], "format": "int64" },
                "last_id": { "type": ["integer", "null"], "format": "int64" }
              },
              "additionalProperties": false
            },
            "Problem": {
              "type": "object",
              "description": "RFC 9457; errors has the shape that FastAPI's users know.",
              "required": ["type", "title", "status", "detail"],
              "properties": {
                "type": { "type": "string" },
                "title": { "type": "string" },
                "status": { "type": "integer", "minimum": 400, "maximum": 599 },
                "detail": { "type": "string" },
                "errors": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": ["loc", "msg", "type"],
                    "properties": {
                      "loc": { "type": "array", "items": { "type": ["string", "integer"] } },
                      "msg": { "type": "string" },
                      "type": { "type": "string" }
                    }
                  }
                }
              }
            },
            "Health": {
              "type": "object",
              "required": ["Status"],
              "properties": { "Status": { "const": 200 } }
            }
          },
          "parameters": {
            "IdempotencyKey": {
              "name": "Idempotency-Key",
              "in": "header",
              "description": "Makes a retry safe for 24 hours: same key and body, same answer. A string of 1 to 255 printable ASCII characters, in quotes or not.",
              "schema": { "type": "string", "pattern": "^(?:[!#-+\\\\--\\\\[\\\\]-~]{1,255}|\\"(?:[ !#-\\\\[\\\\]-~]|\\\\\\\\[\\"\\\\\\\\]){1,255}\\")$" }
            },
            "IfNoneMatch": {
              "name": "If-None-Match",
              "in": "header",
              "description": "The ETag of an earlier answer.",
              "schema": { "type": "string" }
            },
            "History": {
              "name": "history",
              "in": "query",
              "description": "How many of the newest scores come first.",
              "schema": { "type": "integer", "minimum": 0, "maximum": 9223372036854775807 },
              "example": 10
            },
            "After": {
              "name": "after",
              "in": "query",
              "description": "Resume: everything newer than this id.",
              "schema": { "type": "integer", "format": "int64", "minimum": 0, "maximum": 9223372036854775807 }
            }
          },
          "responses": {
            "Healthy": {
              "description": "Yes.",
              "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Health" } } }
            },
            "BadRequest": {
              "description": "Not JSON, or not HTTP.",
              "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
            },
            "Unprocessable": {
              "description": "JSON, or a parameter, that is not what it has to be; errors names each.",
              "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
            },
            "Again": {
              "description": "Not now: try again.",
              "headers": { "Retry-After": { "description": "Seconds.", "schema": { "type": "string" } } },
              "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
            },
            "Problem": {
              "description": "Refused; detail says why.",
              "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
            }
          }
        }
        """
}
