extension Migration {
    /// The table `"Score"`: made, or taken over in place from the replaced service, whose SQLAlchemy made it so:
    ///
    ///     id      integer  primary key, default nextval('"Score_id_seq"')      index "ix_Score_id" (id)
    ///     "user"  varchar(255)                                                 index "ix_Score_user" ("user")
    ///     score   integer
    ///
    /// Both ways end in one shape, in which the replaced service can still write: it names `"user"` and `score` only,
    /// or takes its id from the sequence, whose name stays. The two columns stay nullable, as it left them.
    ///
    /// * `id` becomes bigint. That rewrites the table under an ACCESS EXCLUSIVE lock (some seconds a million rows);
    ///   who writes or reads meanwhile waits. There is no way around it in place that keeps column and sequence, and
    ///   the table of a score board is small when it is taken over.
    /// * The lock is taken first and strongest, so that the steps cannot deadlock with a writer between them. The
    ///   session's `lock_timeout` bounds the wait for it, because everybody else queues behind who waits for it.
    /// * `created_at` of rows that are there already is the moment of the take-over: nobody noted when they came.
    /// * `"ix_Score_id"` repeats the primary key's index, and costs every insert.
    /// * A table that is another one than this stops the migration, before anything was changed.
    static let scoreTable = Migration(
        number: 1, name: "score_table",
        sql: #"""
            DO $migration$
            DECLARE
                found regclass := to_regclass('"Score"');
                sequence text;
                fault text;
            BEGIN
                IF found IS NULL THEN
                    CREATE TABLE "Score" (
                        id bigserial PRIMARY KEY,
                        "user" varchar(255),
                        score integer DEFAULT 1,
                        created_at timestamptz NOT NULL DEFAULT now()
                    );
                    CREATE INDEX "ix_Score_user" ON "Score" ("user");
                    RETURN;
                END IF;

                IF (SELECT relkind NOT IN ('r', 'p') FROM pg_class WHERE oid = found) THEN
                    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
                        MESSAGE = format('%s exists and is not a table', found);
                END IF;
                LOCK TABLE "Score" IN ACCESS EXCLUSIVE MODE;

                SELECT string_agg(
                        format('column %I is %s, expected %s', wanted.name, coalesce(actual.type, 'missing'), wanted.text),
                        '; ' ORDER BY wanted.place)
                    INTO fault
                    FROM (VALUES
                            (1, 'id', ARRAY['integer', 'bigint'], 'integer or bigint'),
                            (2, 'user', ARRAY['character varying(255)', 'character varying', 'text'],
                                'character varying(255)'),
                            (3, 'score', ARRAY['integer'], 'integer'),
                            (4, 'created_at', ARRAY['timestamp with time zone'], 'timestamp with time zone')
                        ) AS wanted (place, name, types, text)
                    LEFT JOIN (
                        SELECT attname, format_type(atttypid, atttypmod) AS type
                        FROM pg_attribute WHERE attrelid = found AND attnum > 0 AND NOT attisdropped
                    ) AS actual ON actual.attname = wanted.name
                    WHERE actual.type <> ALL (wanted.types) OR actual.type IS NULL AND wanted.name <> 'created_at';
                IF fault IS NULL THEN
                    SELECT format('column %I must be given with every row', min(attname)) INTO fault
                        FROM pg_attribute
                        WHERE attrelid = found AND attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef
                            AND attidentity = '' AND attname NOT IN ('id', 'user', 'score', 'created_at')
                        HAVING count(*) > 0;
                END IF;
                IF fault IS NULL AND NOT EXISTS (
                    SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
                    WHERE indrelid = found AND indisprimary AND indnatts = 1 AND attname = 'id'
                ) THEN
                    fault := 'column id is not its primary key';
                END IF;
                sequence := CASE WHEN fault IS NULL THEN pg_get_serial_sequence('"Score"', 'id') END;
                IF fault IS NULL AND sequence IS NULL THEN
                    fault := 'column id has no sequence of its own';
                END IF;
                IF fault IS NOT NULL THEN
                    RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
                        MESSAGE = format('table %s exists and is another one: %s', found, fault);
                END IF;

                -- One ALTER TABLE, one rewrite.
                ALTER TABLE "Score"
                    ALTER COLUMN id TYPE bigint,
                    ALTER COLUMN score SET DEFAULT 1,
                    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
                ALTER TABLE "Score"
                    ALTER COLUMN created_at SET DEFAULT now(),
                    ALTER COLUMN created_at SET NOT NULL;
                EXECUTE format('ALTER SEQUENCE %s AS bigint', sequence);
                DROP INDEX IF EXISTS "ix_Score_id";
                CREATE INDEX IF NOT EXISTS "ix_Score_user" ON "Score" ("user");
                -- A change of type drops the column's statistics.
                ANALYZE "Score";
            END
            $migration$
            """#)
}
