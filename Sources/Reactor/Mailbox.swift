import CLinux
import Glibc
import Synchronization

/// The one door between threads: any thread posts, the thread of the `MailboxReceiver` gets the messages in order.
/// One wake-up serves all messages posted before the receiver looks.
public final class Mailbox<Message: Sendable>: Sendable {
    let descriptor: Int32
    private let messages = Mutex<[Message]>([])
    private let awake = Atomic<Bool>(false)

    public init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw .last("eventfd") }
    }

    deinit {
        Glibc.close(descriptor)
    }

    public func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        if !awake.exchange(true, ordering: .acquiringAndReleasing) {
            var one: UInt64 = 1
            // Cannot fail: the counter is far from its end, and the descriptor is open for as long as self.
            _ = write(descriptor, &one, 8)
        }
    }

    /// Swaps the posted messages with `taken`, which is empty.
    func take(_ taken: inout [Message]) {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        // Cleared before the messages are taken: who posts in between wakes us once too often, never too seldom.
        awake.store(false, ordering: .sequentiallyConsistent)
        messages.withLock { swap(&$0, &taken) }
    }
}

/// The receiving end of a mailbox, on a reactor.
open class MailboxReceiver<Message: Sendable>: Source {
    private let mailbox: Mailbox<Message>
    private var taken: [Message] = []

    public init(_ reactor: Reactor, _ mailbox: Mailbox<Message>) throws(SystemError) {
        self.mailbox = mailbox
        super.init()
        _ = try reactor.register(mailbox.descriptor, .readable, self)
    }

    /// A message, in the order of posting.
    open func receive(_ message: Message) {}

    public final override func ready(_ readiness: Readiness) {
        mailbox.take(&taken)
        for message in taken { receive(message) }
        taken.removeAll(keepingCapacity: true)
    }
}
