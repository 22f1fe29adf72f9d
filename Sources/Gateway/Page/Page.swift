struct Page {
    let html: [UInt8] = []
    let fields: [UInt8] = []
    init(reporterURL: String?) {}
}
