import Bytes
import CLinux
import Glibc
import TLS

/// A stream whose socket carries TLS. The handler writes plain bytes into `output` and gets plain bytes, as ever:
///
///     recv → session.receive → session.read → handler.received
///     output → session.write → session.output → send
///
/// An end without close_notify is an end: what is whole in itself (a request, a frame) is known to be whole.
extension TCPStream {
    /// The handshake is under way.
    public var isHandshaking: Bool { hasCipher && cipher?.isEstablished == false }

    /// Where enciphered bytes are received: behind the place where deciphered ones go, which are never more.
    var enciphered: UnsafeMutableRawBufferPointer {
        let buffer = reactor.receiveBuffer
        let room = min(ReactorLimits.enciphered, (buffer.count - unconsumed.count) / 2)
        return UnsafeMutableRawBufferPointer(rebasing: buffer[(buffer.count - room)...])
    }

    /// Enciphered bytes have come.
    func decipher(_ bytes: UnsafeRawBufferPointer) {
        cipher?.receive(bytes)
        decipher()
    }

    /// Hands on what the session can say of all that has come; what the handler has no use for now is kept, enciphered.
    func decipher() {
        guard let cipher else { return }
        var wasHandshaking = !cipher.isEstablished
        while state == .open, !isReadingPaused, !mustRedeliver {
            let place = UnsafeMutableRawBufferPointer(
                rebasing: reactor.receiveBuffer[unconsumed.count..<(reactor.receiveBuffer.count - enciphered.count)])
            var fresh = 0
            var progress = TLSSession.Progress.needMore
            do throws(TLSError) {
                repeat {
                    progress = try cipher.read(into: UnsafeMutableRawBufferPointer(rebasing: place[fresh...]))
                    if case .bytes(let count) = progress { fresh += count } else { break }
                } while fresh < place.count
            } catch {
                give(up: error)
                return
            }
            // The memory it lies in is the handler's while it is called.
            cipher.keepInput()
            if wasHandshaking, cipher.isEstablished {
                wasHandshaking = false
                handler.secured()
            }
            if fresh > 0 { deliver(fresh: fresh) }
            switch progress {
            case .bytes: continue
            case .needMore: break
            case .closed where state == .open && !isReadingPaused && !mustRedeliver: end()
            case .closed: break
            }
            break
        }
        guard !isClosed else { return }
        if cipher.output.count > Limits.unread {
            finish(.tls(TLSError("the peer asks and does not read the answers")))
        } else if !cipher.output.isEmpty || !output.isEmpty {
            // An answer of the session's own, or what waited for the end of the handshake.
            scheduleFlush()
        }
    }

    /// Enciphers the output and hands it to the kernel, bit by bit, so that little is kept twice.
    /// - Returns: as `sendPlain`.
    func sendEnciphered() -> Bool {
        guard let cipher else { return true }
        while true {
            do throws(TLSError) {
                while !output.isEmpty, cipher.output.count < Limits.waiting {
                    let taken = try output.withUnsafeBytes { bytes throws(TLSError) in try cipher.write(bytes) }
                    guard taken > 0 else { break }
                    awaitsPeer = false
                    output.consume(taken)
                }
            } catch {
                give(up: error)
                return false
            }
            // Not only when that has left too: it is kept enciphered.
            giveBackOutput()
            if output.isEmpty, state == .draining { cipher.close() }
            guard !cipher.output.isEmpty else {
                if output.isEmpty { return true }
                awaitPeer()
                return false
            }
            let bytes = cipher.output
            let sent = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if sent > 0 {
                cipher.consumeOutput(sent)
                // What TLS answers by itself brings the output no further.
                if !awaitsPeer { lastProgress = reactor.now }
            } else if !maySendAgain() {
                return false
            }
        }
    }

    /// Nothing is under way, and nothing follows: close_notify, if the kernel takes it.
    func sayClose() {
        cipher?.close()
        sendLast()
    }

    /// The session is beyond repair. It has put an alert into its output, which tells the peer why.
    private func give(up error: TLSError) {
        sendLast()
        finish(.tls(error))
    }

    /// What the session has to say before the socket goes: as far as the kernel takes it at once.
    private func sendLast() {
        guard let cipher, !awaitsKernel, !cipher.output.isEmpty else { return }
        _ = send(descriptor, cipher.output.baseAddress, cipher.output.count, Int32(MSG_NOSIGNAL))
    }
}
