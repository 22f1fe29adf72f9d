import Reactor
import Testing

@testable import Bench

@Suite struct AddressListTests {
    private let six = SocketAddress(numeric: "::1", port: 80)!
    private let four = SocketAddress(numeric: "127.0.0.1", port: 80)!

    @Test func theNextOneIsTriedAndKept() {
        var list = AddressList([six, four])
        var first = AddressList.Attempt()
        let tried = list.next(&first)
        let hasAnother = list.failed(&first)
        let then = list.next(&first)
        list.worked(&first)
        var second = AddressList.Attempt()
        let later = list.next(&second)
        #expect(hasAnother)
        #expect([tried, then, later] == [six, four, four])
    }

    /// Many connect at once, and all fail: that is one step and not many.
    @Test func manyWhoFailAtOnceMoveOnOnce() {
        var list = AddressList([six, four])
        var attempts = Array(repeating: AddressList.Attempt(), count: 64)
        for index in attempts.indices { _ = list.next(&attempts[index]) }
        let again = attempts.indices.map { index in
            _ = list.failed(&attempts[index])
            return list.next(&attempts[index])
        }
        #expect(again.allSatisfy { $0 == four })
    }

    @Test func whenAllFailItRestsAndBeginsAnew() {
        var list = AddressList([six, four])
        var attempt = AddressList.Attempt()
        var tried: [SocketAddress] = []
        var mayGoOn: [Bool] = []
        for _ in 0..<4 {
            tried.append(list.next(&attempt))
            mayGoOn.append(list.failed(&attempt))
        }
        #expect(tried == [six, four, six, four])
        #expect(mayGoOn == [true, false, true, false])
    }
}
