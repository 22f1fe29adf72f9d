@main
struct ScoreBench {
    static func main() {}
}
