import Testing

@testable import Bench

@Suite struct ReportTests {
    @Test func aMomentBeginsEmpty() {
        let moment = Report.Moment(second: 3, phase: .measuring)
        #expect(moment.answers == 0 && moment.answerP99 == nil && moment.serverCPU == nil)
    }
}
