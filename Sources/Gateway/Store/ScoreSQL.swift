import Postgres
import Scores

/// Every statement the gateway sends while it serves, in one place. They are prepared once per connection, with binary
/// parameters and results. (The schema is made by the migrations.)
enum ScoreSQL {
    private typealias T = PostgresType

    // MARK: Writing

    /// One flush: all its rows in one statement, one transaction, one WAL flush; its outbox row with them, and gone are
    /// those of flushes that the bus has confirmed since. The ordinality keeps ids and answers in the order of the
    /// requests: ids are taken in the order of the rows, which are sorted before the sequence is asked.
    /// $1 names, $2 scores, $3 mark, $4 the lease in seconds, $5 marks to forget. Result: `id`, `created_at`.
    static let insert = Statement(
        name: "insert",
        sql: """
            WITH stored AS (
                INSERT INTO "Score" ("user", score)
                SELECT u, s FROM unnest($1::text[], $2::int4[]) WITH ORDINALITY AS flush (u, s, n) ORDER BY n
                RETURNING id, created_at
            ), outbox AS (
                INSERT INTO score_outbox (flush, ids, due_at)
                SELECT $3, array_agg(id ORDER BY id), now() + make_interval(secs => $4) FROM stored
            ), forgotten AS (
                DELETE FROM score_outbox WHERE flush = ANY ($5::uuid[])
            )
            SELECT id, created_at FROM stored ORDER BY id
            """, parameterTypes: [T.textArray, T.int4Array, T.uuid, T.int4, T.uuidArray])

    /// A flush whose units have an Idempotency-Key each. Only units whose key is new are stored; a key that is older
    /// than a day counts as new. Keys are taken in their order, so that two flushes with the same keys cannot deadlock.
    /// $1 names, $2 scores, $3 the unit of each row (from 1), $4 the units' keys, $5 their fingerprints, $6 mark,
    /// $7 the lease. Result: `unit`, `id`, `created_at` of what was stored.
    static let insertKeyed = Statement(
        name: "insert_keyed",
        sql: """
            WITH flush AS MATERIALIZED (
                SELECT u, s, unit, n, nextval(pg_get_serial_sequence('"Score"', 'id')) AS id
                FROM (
                    SELECT * FROM unnest($1::text[], $2::int4[], $3::int4[]) WITH ORDINALITY AS row (u, s, unit, n)
                    ORDER BY n
                ) AS sorted
            ), units AS (
                SELECT k, f, unit, min(id) AS first_id, max(id) AS last_id, count(*) AS stored
                FROM unnest($4::text[], $5::bytea[]) WITH ORDINALITY AS key (k, f, unit) JOIN flush USING (unit)
                GROUP BY k, f, unit
            ), fresh AS (
                INSERT INTO score_idempotency AS kept (key, fingerprint, first_id, last_id, stored)
                SELECT k, f, first_id, last_id, stored FROM units ORDER BY k
                ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, first_id = excluded.first_id,
                    last_id = excluded.last_id, stored = excluded.stored, created_at = now()
                    WHERE kept.created_at <= now() - interval '\(StoreLimits.idempotencyHours) hours'
                RETURNING first_id
            ), stored AS (
                INSERT INTO "Score" (id, "user", score) OVERRIDING SYSTEM VALUE
                SELECT id, u, s FROM flush
                WHERE unit IN (SELECT unit FROM units WHERE first_id IN (SELECT first_id FROM fresh)) ORDER BY n
                RETURNING id, created_at
            ), outbox AS (
                INSERT INTO score_outbox (flush, ids, due_at)
                SELECT $6, array_agg(id ORDER BY id), now() + make_interval(secs => $7) FROM stored HAVING count(*) > 0
            )
            SELECT unit, stored.id, created_at FROM stored JOIN flush USING (id) ORDER BY stored.id
            """,
        parameterTypes: [
            T.textArray, T.int4Array, T.int4Array, T.textArray, T.byteaArray, T.uuid, T.int4,
        ])

    /// What keys stand for. $1 keys. Result: `key`, `fingerprint`, `first_id`, `last_id`, `stored`, `created_at`.
    static let keyed = Statement(
        name: "keyed",
        sql: """
            SELECT key, fingerprint, first_id, last_id, stored, created_at FROM score_idempotency
            WHERE key = ANY ($1::text[])
                AND created_at > now() - interval '\(StoreLimits.idempotencyHours) hours'
            """, parameterTypes: [T.textArray])

    // MARK: Unknown outcomes

    /// Puts a fence in the place of a flush's mark, and so waits for a transaction that is still about to write it:
    /// afterwards the mark is there for good, or the flush can never be stored, for its own mark would be there twice.
    /// $1 mark.
    static let fence = Statement(
        name: "fence",
        sql: """
            INSERT INTO score_outbox AS kept (flush, ids, due_at) VALUES ($1, NULL, now())
            ON CONFLICT (flush) DO UPDATE SET due_at = kept.due_at
            """, parameterTypes: [T.uuid])

    /// What was stored under a mark: $1. Result: `id`, `created_at` (NULL when somebody has deleted the score since).
    static let found = Statement(
        name: "found",
        sql: """
            SELECT flush.id, score.created_at
            FROM (
                SELECT ids FROM score_outbox WHERE flush = $1 AND ids IS NOT NULL
                UNION ALL SELECT ids FROM score_outbox_published WHERE flush = $1
            ) AS mark CROSS JOIN LATERAL unnest(mark.ids) WITH ORDINALITY AS flush (id, n)
            LEFT JOIN "Score" AS score ON score.id = flush.id
            ORDER BY n
            """, parameterTypes: [T.uuid])

    // MARK: Outbox

    /// Deletes the rows of flushes that the bus has confirmed. $1 marks.
    static let forget = Statement(
        name: "forget", sql: "DELETE FROM score_outbox WHERE flush = ANY ($1::uuid[])", parameterTypes: [T.uuidArray])

    /// Takes over rows that are due, the oldest first, passing over those that another process is taking. $1 how many,
    /// $2 the new lease in seconds, $3 only marks behind this one: who takes a backlog goes on where he was, for what he
    /// has left behind there may not be cleaned up yet. Result, a row for each score, in order: `flush`, `id`, `user`,
    /// `score`, `created_at`; `id` is NULL when somebody has deleted the score since.
    static let claim = Statement(
        name: "claim",
        sql: """
            WITH due AS (
                SELECT flush FROM score_outbox WHERE flush > $3 AND due_at <= now() AND ids IS NOT NULL
                ORDER BY flush LIMIT $1 FOR UPDATE SKIP LOCKED
            ), claimed AS (
                UPDATE score_outbox AS kept SET due_at = now() + make_interval(secs => $2)
                FROM due WHERE kept.flush = due.flush
                RETURNING kept.flush, kept.ids
            )
            SELECT claimed.flush, score.id, coalesce(score."user", ''), coalesce(score.score, 0)::int4, score.created_at
            FROM claimed CROSS JOIN LATERAL unnest(claimed.ids) AS flush (id)
            LEFT JOIN "Score" AS score ON score.id = flush.id
            ORDER BY claimed.flush, flush.id
            """, parameterTypes: [T.int4, T.int4, T.uuid])

    /// The oldest row that is due. Result: `flush`.
    static let oldest = Statement(
        name: "oldest",
        sql: """
            SELECT flush FROM score_outbox WHERE due_at <= now() AND ids IS NOT NULL ORDER BY flush LIMIT 1
            """, parameterTypes: [])

    /// Flushes that were taken over are on the bus: their marks stay for a while. $1 marks.
    static let published = Statement(
        name: "published",
        sql: """
            WITH gone AS (DELETE FROM score_outbox WHERE flush = ANY ($1::uuid[]) RETURNING flush, ids)
            INSERT INTO score_outbox_published (flush, ids) SELECT flush, ids FROM gone WHERE ids IS NOT NULL
            ON CONFLICT DO NOTHING
            """, parameterTypes: [T.uuidArray])

    /// Drops what nobody asks for any more, some of it: marks, fences, and keys.
    static let sweep: [Statement] = [
        sweep(
            "published", "score_outbox_published", "flush", "published_at < now() - \(minutes)", "published_at"),
        sweep("fences", "score_outbox", "flush", "ids IS NULL AND due_at < now() - \(minutes)", "flush"),
        sweep("keys", "score_idempotency", "key", "created_at <= now() - \(hours)", "created_at"),
    ]

    private static let minutes = "interval '\(StoreLimits.markMinutes) minutes'"
    private static let hours = "interval '\(StoreLimits.idempotencyHours) hours'"

    private static func sweep(
        _ name: String, _ table: String, _ key: String, _ condition: String, _ order: String
    ) -> Statement {
        Statement(
            name: "sweep_\(name)",
            sql: """
                DELETE FROM \(table) WHERE \(key) IN (
                    SELECT \(key) FROM \(table) WHERE \(condition)
                    ORDER BY \(order) LIMIT \(StoreLimits.sweptRows) FOR UPDATE SKIP LOCKED)
                """, parameterTypes: [])
    }

    // MARK: The poster's place, when the bus is in the process

    /// Puts the place behind the newest score, if there is none yet: what was stored before the first poster is no news.
    /// Done before anything can be stored by this process.
    static let firstPlace = """
        INSERT INTO score_queue (name, told) SELECT 'poster', coalesce(max(id), 0) FROM "Score" ON CONFLICT DO NOTHING
        """

    /// The highest id that was told.
    static let told = Statement(
        name: "told", sql: "SELECT told FROM score_queue WHERE name = 'poster'", parameterTypes: [])

    /// Keeps the place. $1 the highest id that was told.
    static let tell = Statement(
        name: "tell",
        sql: """
            INSERT INTO score_queue (name, told) VALUES ('poster', $1)
            ON CONFLICT (name) DO UPDATE SET told = excluded.told
            """, parameterTypes: [T.int8])

    // MARK: Batches of any size

    /// A part of a large batch: stored like a flush, with an outbox row that is due at once. Nobody waits for its rows one
    /// by one, so they are not sent back. $1 names, $2 scores, $3 mark. Result, one row: how many were stored, the first
    /// and the last id; NULLs for none.
    static let insertChunk = Statement(
        name: "insert_chunk",
        sql: """
            WITH stored AS (
                INSERT INTO "Score" ("user", score)
                SELECT u, s FROM unnest($1::text[], $2::int4[]) WITH ORDINALITY AS chunk (u, s, n) ORDER BY n
                RETURNING id
            )
            INSERT INTO score_outbox (flush, ids, due_at)
            SELECT $3, array_agg(id ORDER BY id), now() FROM stored
            RETURNING cardinality(ids), ids[1], ids[cardinality(ids)]
            """, parameterTypes: [T.textArray, T.int4Array, T.uuid])

    static let begin = Statement(name: "begin", sql: "BEGIN", parameterTypes: [])
    static let commit = Statement(name: "commit", sql: "COMMIT", parameterTypes: [])
    static let rollback = Statement(name: "rollback", sql: "ROLLBACK", parameterTypes: [])

    /// The key of a batch whose rows are stored in this transaction. $1 key, $2 fingerprint, $3 first and $4 last id,
    /// $5 how many. No row: the key is there already.
    static let key = Statement(
        name: "key",
        sql: """
            INSERT INTO score_idempotency AS kept (key, fingerprint, first_id, last_id, stored)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, first_id = excluded.first_id,
                last_id = excluded.last_id, stored = excluded.stored, created_at = now()
                WHERE kept.created_at <= now() - interval '\(StoreLimits.idempotencyHours) hours'
            RETURNING first_id
            """, parameterTypes: [T.text, T.bytea, T.int8, T.int8, T.int8])

    // MARK: Reading

    /// The pages of `GET /scores`: $1 < id < $2, at most $3, and of user $4. The columns may be null in rows of other
    /// writers: the replaced service's table allows it. A score that is no int4, where somebody has widened the column, is an
    /// error of the query. Then the same where $4 rows are passed over, and $5 is the user:
    /// of those only the ids, which PostgreSQL counts off in an index.
    static let pages: [Statement] =
        shapes("page", "id, coalesce(\"user\", ''), coalesce(score, 0)::int4, created_at", limit: "LIMIT $3", [])
        + shapes("row", "id", limit: "LIMIT $3 OFFSET $4", [T.int8])

    private static func shapes(_ name: String, _ columns: String, limit: String, _ types: [UInt32]) -> [Statement] {
        var statements: [Statement] = []
        for user in ["", "AND \"user\" = $\(4 + types.count)"] {
            for order in ["ASC", "DESC"] {
                statements.append(
                    Statement(
                        name: "\(name)_\(user.isEmpty ? "" : "user_")\(order.lowercased())",
                        sql: """
                            SELECT \(columns) FROM "Score"
                            WHERE id > $1 AND id < $2 \(user) ORDER BY id \(order) \(limit)
                            """,
                        parameterTypes: [T.int8, T.int8, T.int8] + types + (user.isEmpty ? [] : [T.text])))
            }
        }
        return statements
    }

    /// Which of `pages` answers a page.
    static func index(of page: ScorePage) -> Int {
        (page.offset == 0 ? 0 : 4) + (page.user == nil ? 0 : 2) + (page.order == .ascending ? 0 : 1)
    }
}
