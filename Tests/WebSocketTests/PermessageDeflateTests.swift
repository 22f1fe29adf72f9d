import Bytes
import Testing
import WebSocket

/// RFC 7692, 7.1: what is made of a client's offers. Every answer begins with the same three words.
@Suite struct PermessageDeflateTests {
    private func answer(_ value: String) -> String {
        switch PermessageDeflate.choose(from: Array(value.utf8).span) {
        case .none: return "none"
        case .malformed: return "malformed"
        case .acceptable(let deflate):
            var output = ByteBuffer()
            deflate.appendAnswer(to: &output)
            let text = output.bytes.text
            let always = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            return text.hasPrefix(always) ? String(text.dropFirst(always.count)) : "not ours: \(text)"
        }
    }

    @Test(
        "an offer is accepted",
        arguments: [
            ("permessage-deflate", ""),
            // Chromium, Firefox, Python's websockets.
            ("permessage-deflate; client_max_window_bits", "; client_max_window_bits=11"),
            ("permessage-deflate;client_no_context_takeover", ""),
            ("permessage-deflate ; server_no_context_takeover;client_no_context_takeover\t", ""),
            ("permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=11"),
            ("permessage-deflate; server_max_window_bits=11", "; server_max_window_bits=11"),
            ("permessage-deflate; server_max_window_bits=10", "; server_max_window_bits=10"),
            ("permessage-deflate; server_max_window_bits=\"9\"", "; server_max_window_bits=9"),
            ("permessage-deflate; server_max_window_bits=\"\\1\\0\"", "; server_max_window_bits=10"),
            ("permessage-deflate; server_max_window_bits = 12", "; server_max_window_bits=11"),
            ("permessage-deflate; client_max_window_bits=8", "; client_max_window_bits=8"),
            ("permessage-deflate; client_max_window_bits=15", "; client_max_window_bits=11"),
            (
                "permessage-deflate; client_max_window_bits=9; server_max_window_bits=14",
                "; server_max_window_bits=11; client_max_window_bits=9"
            ),
            // Lists: the first good offer wins, others are passed over.
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", ""),
            (
                "permessage-deflate; server_max_window_bits=9, permessage-deflate; server_max_window_bits=10",
                "; server_max_window_bits=9"
            ),
            (
                "permessage-deflate; server_max_window_bits=8,permessage-deflate; client_max_window_bits",
                "; client_max_window_bits=11"
            ),
            ("x-webkit-deflate-frame; no_context_takeover, permessage-deflate", ""),
            ("bbf-usp-protocol; eid=\"doc--42\"; a=b , , permessage-deflate", ""),
            (",permessage-deflate,", ""),
        ])
    func accepts(offer: String, answered: String) {
        #expect(answer(offer) == answered)
    }

    @Test(
        "an offer is declined",
        arguments: [
            "", ",", "permessage-deflat", "Permessage-Deflate", "permessage-bzip2",
            "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09", "permessage-deflate; server_max_window_bits=9x",
            "permessage-deflate; server_max_window_bits=-9", "permessage-deflate; server_max_window_bits=115",
            "permessage-deflate; server_max_window_bits=99999999999999999999",
            "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=0x9", "permessage-deflate; client_max_window_bits=011",
            "permessage-deflate; client_no_context_takeover=1", "permessage-deflate; server_no_context_takeover=true",
            "permessage-deflate; client_no_context_takeover=9",
            "permessage-deflate; unknown", "permessage-deflate; unknown=9; client_max_window_bits",
            "permessage-deflate; client_max_window_bits; unknown",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        ])
    func declines(offer: String) {
        #expect(answer(offer) == "none")
    }

    @Test(
        "a value is none of RFC 6455, 9.1",
        arguments: [
            ";", "=", "permessage-deflate;", "permessage-deflate; ;a", "permessage-deflate; a=", "permessage deflate",
            "permessage-deflate; a=\"", "permessage-deflate; a=\"b", "permessage-deflate; a=\"\"",
            "permessage-deflate; a=\"b c\"", "permessage-deflate; a=\"b\\", "permessage-deflate; a=\"b\"c",
            "permessage-deflate; a=b=c", "permessage-deflate; =9", "permessage-deflate, b@d", "a/b", "\"a\"",
            "permessage-deflate; a=\u{e9}", "permessage-deflate, permessage-deflate; a=(b)",
        ])
    func refuses(value: String) {
        #expect(answer(value) == "malformed")
    }
}
