extension Range<Int> {
    /// The first index whose element belongs to the second part of something that is parted in two; the end of the range
    /// when none does. (The name is that of swift-algorithms.)
    func partitioningIndex(where belongsInSecondPart: (Int) -> Bool) -> Int {
        var low = lowerBound
        var high = upperBound
        while low < high {
            let middle = low + (high - low) / 2
            if belongsInSecondPart(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
