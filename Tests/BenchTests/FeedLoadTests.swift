import Testing

@testable import Bench

@Suite struct FeedLoadTests {
    @Test(arguments: [
        ("/ws/{id}", nil, "/ws/7?history=0"), ("/ws/{id}", 41, "/ws/7?after=41"), ("/ws", nil, "/ws?history=0"),
        ("/ws/{id}?x=1", nil, "/ws/7?x=1&history=0"), ("/ws?id={id}", 41, "/ws?id=7&after=41"),
    ]) func aSubscriberAsksForTheFeedFromWhereItStands(_ path: String, _ after: Int64?, _ asked: String) {
        #expect(FeedLoad.path(FeedLoad.parts(of: path), number: 7, after: after) == asked)
    }
}
