import Glibc
import Testing

@testable import Bench

@Suite struct ProcessWatchTests {
    @Test func aProcessThatIsNamedTwiceIsWatchedOnce() {
        let own = ServerProcess(getpid())
        #expect(ProcessWatch([own, ServerProcess(1), own]).processes.count == 2)
    }

    @Test func onlyWhatIsThereCanBeWatched() {
        #expect(ServerProcess(getpid()).isThere)
        #expect(!ServerProcess(0).isThere && !ServerProcess(.max).isThere)
    }
}
