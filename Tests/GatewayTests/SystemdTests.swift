import Bytes
import Glibc
import Reactor
import Testing

@testable import Gateway

@Suite struct SystemdTests {
    private func manager(_ variables: [String: String]) -> Systemd {
        Systemd(process: 42) { variables[$0] }
    }

    @Test func withoutOneThereIsNothing() {
        let none = manager([:])
        #expect(none.sockets.isEmpty)
        #expect(none.watchdog == nil)
        none.notify(.alive)
    }

    @Test func socketsAreThoseOfThisProcess() {
        #expect(manager(["LISTEN_PID": "42", "LISTEN_FDS": "2"]).sockets == [3, 4])
        #expect(manager(["LISTEN_PID": "41", "LISTEN_FDS": "2"]).sockets == [])
        #expect(manager(["LISTEN_FDS": "2"]).sockets == [])
        for wrong in ["", "x", "-1", "0"] {
            #expect(manager(["LISTEN_PID": "42", "LISTEN_FDS": wrong]).sockets == [])
        }
    }

    @Test(arguments: [(1, 4), (3, 2), (4, 4), (2, 3), (7, 3), (1, 1)])
    func everySocketHasAReactorAndEveryReactorASocket(sockets: Int, reactors: Int) {
        let all = manager(["LISTEN_PID": "42", "LISTEN_FDS": "\(sockets)"])
        let shares = (0..<reactors).map { all.sockets(of: $0, among: reactors) }
        #expect(shares.allSatisfy { !$0.isEmpty })
        #expect(Set(shares.joined()) == Set(all.sockets))
    }

    @Test func theWatchdogIsForWhomItNames() {
        let notify = ["NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000"]
        #expect(manager(notify).watchdog == .seconds(3))
        #expect(manager(notify.merging(["WATCHDOG_PID": "42"]) { $1 }).watchdog == .seconds(3))
        #expect(manager(notify.merging(["WATCHDOG_PID": "41"]) { $1 }).watchdog == nil)
        #expect(manager(["WATCHDOG_USEC": "3000000"]).watchdog == nil)
        #expect(manager(notify.merging(["WATCHDOG_USEC": "0"]) { $1 }).watchdog == nil)
    }

    @Test func oneSilentWorkerIsSeen() throws {
        let workers = try Workers(count: 2)
        let start = Instant(nanoseconds: 1_000_000_000_000)
        workers.beat(0, at: start)
        #expect(!workers.allHaveBeaten(within: .seconds(3), before: start), "the second has not begun")
        workers.beat(1, at: start)
        #expect(workers.allHaveBeaten(within: .seconds(3), before: start + .seconds(3)))
        workers.beat(0, at: start + .seconds(4))
        #expect(!workers.allHaveBeaten(within: .seconds(3), before: start + .seconds(4)))
    }

    @Test(arguments: ["@score-gateway-test-\(getpid())", "/tmp/score-gateway-test-\(getpid())"])
    func aDatagramArrives(name: String) throws {
        let receiver = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer {
            close(receiver)
            unlink(name)
        }
        let address = try #require(SocketAddress(unix: name))
        #expect(address.withSockaddr { bind(receiver, $0, $1) } == 0)
        manager(["NOTIFY_SOCKET": name]).notify(.ready(status: "here"))
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = recv(receiver, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "READY=1\nSTATUS=here")
    }

    @Test func aManagerThatIsGoneDisturbsNobody() {
        manager(["NOTIFY_SOCKET": "/tmp/nobody-listens-here"]).notify(.alive)
        manager(["NOTIFY_SOCKET": String(repeating: "x", count: 200)]).notify(.alive)
    }
}
