extension ConfigurationSource {
    /// Names in `.env` that are nearly one of ours. Others are left alone: other programs read the same file.
    var mistypedNames: [(name: String, meant: String)] {
        let known = Variable.allCases.flatMap {
            $0.specification.mayBeInFile ? [$0.name, $0.fileName] : [$0.name]
        }
        return dotEnv.keys.sorted().compactMap { name in
            if known.contains(name) { return nil }
            let nearest = known.map { (name: $0, distance: EditDistance.between(name, $0)) }
                .min { $0.distance < $1.distance }
            // One wrong key in four letters, at most two: beyond that it is another name.
            guard let nearest, nearest.distance <= min(2, name.utf8.count / 4) else { return nil }
            return (name, nearest.name)
        }
    }
}

/// How many keys were hit wrongly: a letter too much, too few, another one, or two in the wrong order (Damerau and
/// Levenshtein, without moving a letter twice).
enum EditDistance {
    static func between(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var before: [Int] = []
        var above = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let replaced = above[column] + (left[row] == right[column] ? 0 : 1)
                var least = min(replaced, above[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    least = min(least, before[column - 1] + 1)
                }
                current.append(least)
            }
            (before, above) = (above, current)
        }
        return above[right.count]
    }
}
