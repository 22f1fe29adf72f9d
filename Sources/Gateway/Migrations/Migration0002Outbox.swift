extension Migration {
    /// What makes delivery certain (contract, section 6): the transactional outbox, and the answers that an
    /// `Idempotency-Key` repeats.
    ///
    ///     score_outbox              one row a flush, stored with its scores, deleted when the bus has confirmed them
    ///       flush   uuid            its mark (UUIDv7: rows sort by age), by which an unknown outcome is found out
    ///       ids     bigint[]        its scores; NULL: a fence: the flush of that mark was not stored and never will be
    ///       due_at  timestamptz     from then on whoever finds the row publishes it: until then its holder's lease runs
    ///     score_outbox_published    marks of flushes that somebody else has published, for their maker may still ask
    ///     score_idempotency         one row a key, stored with its scores
    ///
    /// Rows of the outbox live for milliseconds: its pages are used again and again, so vacuum need not give them back
    /// (which takes an exclusive lock).
    static let outbox = Migration(
        number: 2, name: "outbox",
        sql: """
            CREATE TABLE IF NOT EXISTS score_outbox (
                flush uuid PRIMARY KEY,
                ids bigint[],
                due_at timestamptz NOT NULL
            ) WITH (vacuum_truncate = false, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
            CREATE TABLE IF NOT EXISTS score_outbox_published (
                flush uuid PRIMARY KEY,
                ids bigint[] NOT NULL,
                published_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE INDEX IF NOT EXISTS score_outbox_published_at ON score_outbox_published (published_at);
            CREATE TABLE IF NOT EXISTS score_idempotency (
                key text PRIMARY KEY,
                fingerprint bytea NOT NULL,
                first_id bigint NOT NULL,
                last_id bigint NOT NULL,
                stored bigint NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE INDEX IF NOT EXISTS score_idempotency_created_at ON score_idempotency (created_at);
            """)
}
