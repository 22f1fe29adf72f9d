extension Migration {
    /// The ids of a flush of some 250 scores and more do not fit into a row of the outbox, and PostgreSQL compresses what
    /// it stores out of line: a tenth of what a full flush costs the server, for a row that lives for milliseconds.
    /// Rows that are there stay as they are.
    static let outboxStorage = Migration(
        number: 3, name: "outbox_storage",
        sql: """
            ALTER TABLE score_outbox ALTER COLUMN ids SET STORAGE EXTERNAL;
            ALTER TABLE score_outbox_published ALTER COLUMN ids SET STORAGE EXTERNAL;
            """)
}
