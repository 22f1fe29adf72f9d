import Reactor

/// A load reactor's thread: everything it works with is made on it.
final class LoadThread {
    private var thread: Thread?

    init(
        _ plan: LoadPlan, index: Int, tag: UInt16, commands: Mailbox<LoadCommand>, run: Mailbox<LoadMessage>
    ) throws(SystemError) {
        thread = try Thread(name: "load \(index)") {
            do throws(SystemError) {
                let reactor = try Reactor()
                let worker = try LoadWorker(reactor, plan, index: index, tag: tag, commands: commands, run: run)
                reactor.run()
                _ = worker
            } catch {
                var result = LoadResult(worker: index)
                result.notes["cannot start: \(error)"] = 1
                run.post(.finished(result))
            }
        }
    }

    func join() {
        thread.take()?.join()
    }
}
