import CCurl
import Reactor

/// One of libcurl's descriptors in the reactor: a connection, or the pipe its resolver thread answers through.
final class CurlSocket: Source {
    private let multi: CurlMulti
    private let descriptor: curl_socket_t
    var token = Token.none

    init(_ multi: CurlMulti, _ descriptor: curl_socket_t) {
        self.multi = multi
        self.descriptor = descriptor
    }

    override func ready(_ readiness: Readiness) {
        var events: Int32 = 0
        if !readiness.isDisjoint(with: [.readable, .readHangup]) { events |= CURL_CSELECT_IN }
        if readiness.contains(.writable) { events |= CURL_CSELECT_OUT }
        // A bare hangup leaves no bit: libcurl then looks for itself and finds the socket's error, which
        // CURL_CSELECT_ERR would hide behind one of its own.
        multi.perform(descriptor, events)
    }
}
