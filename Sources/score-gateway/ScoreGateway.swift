@main
struct ScoreGateway {
    static func main() {}
}
