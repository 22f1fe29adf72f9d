extension Migration {
    /// Places in the table that consumers of the bus inside the process have reached: theirs is the durable queue that a
    /// broker would keep.
    static let queue = Migration(
        number: 4, name: "queue",
        sql: """
            CREATE TABLE IF NOT EXISTS score_queue (
                name text PRIMARY KEY,
                told bigint NOT NULL
            );
            """)
}
