import Postgres
import Scores

/// Every statement the gateway sends while it serves, in one place. They are prepared once per connection, with binary
/// parameters and results. (The schema is made by the migrations.)
enum ScoreSQL {
    // Object identifiers of built-in types (pg_type.dat); they never change.
    private static let int8: UInt32 = 20
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    private static let int4Array: UInt32 = 1007
    private static let textArray: UInt32 = 1009

    /// One flush: all its rows in one statement, one transaction, one WAL flush. The ordinality keeps ids and answers in
    /// the order of the requests. Result: `id`, `created_at`.
    static let insert = Statement(
        name: "insert",
        sql: """
            INSERT INTO "Score" ("user", score)
            SELECT u, s FROM unnest($1::text[], $2::int4[]) WITH ORDINALITY AS flush (u, s, n) ORDER BY n
            RETURNING id, created_at
            """, parameterTypes: [textArray, int4Array])

    /// The pages of `GET /scores`: $1 < id < $2, at most $3, and of user $4. The columns may be null in rows of other
    /// writers: the replaced service's table allows it.
    static let pages: [Statement] = [
        page("ascending", "", "ASC"), page("descending", "", "DESC"),
        page("user_ascending", "AND \"user\" = $4", "ASC"), page("user_descending", "AND \"user\" = $4", "DESC"),
    ]

    private static func page(_ name: String, _ condition: String, _ order: String) -> Statement {
        Statement(
            name: "page_\(name)",
            sql: """
                SELECT id, coalesce("user", ''), coalesce(score, 0), created_at FROM "Score"
                WHERE id > $1 AND id < $2 \(condition) ORDER BY id \(order) LIMIT $3
                """, parameterTypes: [int8, int8, int8] + (condition.isEmpty ? [] : [text]))
    }

    /// Which of `pages` answers a page.
    static func index(of page: ScorePage) -> Int {
        (page.user == nil ? 0 : 2) + (page.order == .ascending ? 0 : 1)
    }
}
