import HTTPServer
import Logging
import Postgres
import Reactor
import Scores

/// The large batches of one reactor: some are being stored, each on a connection of its own, the others wait for their
/// turn with their clients held back.
final class BatchTransactions {
    let reactor: Reactor
    let server: HTTPServer
    let answers: WriteAnswers
    let metrics: WorkerMetrics
    let log: Logger
    private let configuration: PostgresConfiguration
    private var outage: SideOutageLog
    private var running: [ObjectIdentifier: BatchTransaction] = [:]
    private var waiting: [BatchTransaction] = []

    init(
        _ reactor: Reactor, _ configuration: PostgresConfiguration, server: HTTPServer, answers: WriteAnswers,
        metrics: WorkerMetrics, outage: SideOutageLog, log: Logger
    ) {
        self.reactor = reactor
        self.server = server
        self.answers = answers
        self.metrics = metrics
        self.outage = outage
        self.log = log
        var configuration = configuration
        configuration.isDurable = true
        // Between two chunks the client may be slow; how slow, is decided here and not by the server.
        configuration.settings += [
            (name: "enable_seqscan", value: "off"),
            (name: "idle_in_transaction_session_timeout", value: "\(StoreLimits.idleTransactionMilliseconds)"),
        ]
        self.configuration = configuration
    }

    var isIdle: Bool { running.isEmpty && waiting.isEmpty }

    /// A batch begins.
    /// - Returns: nil when too many wait.
    func begin(_ response: ResponseTicket, key: KeyedRequest?) -> BatchTransaction? {
        guard running.count + waiting.count < StoreLimits.largeBatches + StoreLimits.largeBatchesWaiting else {
            return nil
        }
        let batch = BatchTransaction(self, response, key: key)
        waiting.append(batch)
        startNext()
        return batch
    }

    private func startNext() {
        while running.count < StoreLimits.largeBatches, !waiting.isEmpty {
            let batch = waiting.removeFirst()
            running[ObjectIdentifier(batch)] = batch
            batch.start(configuration)
        }
    }

    /// A batch has its connection.
    func connected() { outage.reached() }

    /// A batch has none, or has lost it.
    func disconnected(_ error: PostgresError) { outage.failed(error, at: reactor.now) }

    /// A batch is over, whatever became of it.
    func ended(_ batch: BatchTransaction) {
        waiting.removeAll { $0 === batch }
        running[ObjectIdentifier(batch)] = nil
        startNext()
    }

    /// The gateway ends: nobody is left who waits for them.
    func close() {
        for batch in waiting + running.values { batch.abort() }
    }
}
