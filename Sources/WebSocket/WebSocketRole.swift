/// Which end of the connection we are. A client masks its frames, a server never does (RFC 6455, 5.1).
public enum WebSocketRole: Sendable {
    case server
    case client
}
