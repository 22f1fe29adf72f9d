import Bytes
import Glibc
import Reactor
import Testing

/// Waits for what other threads do.
func wait(_ location: SourceLocation = #_sourceLocation, until condition: () -> Bool) {
    let deadline = Reactor.monotonic() + .seconds(30)
    while !condition(), Reactor.monotonic() < deadline { usleep(2000) }
    #expect(condition(), "did not happen in time", sourceLocation: location)
}
