import Bytes
import CZlib

/// Inflates one compressed message as its pieces come (RFC 7692, 7.2.2), and never makes more of it than it may.
///
/// A class, for zlib's state points back to its stream: it must not be moved.
final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>
    /// Bytes of compressed payload that were announced.
    private(set) var announced = 0
    /// Whether anything came at all.
    private var isEmpty = true

    /// - Parameter windowBits: of the sender's window, 8 to 15.
    init(windowBits: UInt8) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // An old zlib takes 9 bits where it was told 8.
        let status = czlib_inflate_init(stream, Int32(max(9, windowBits)))
        precondition(status == Z_OK, "no memory for zlib's state")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// A frame with so many bytes begins.
    func announce(_ length: Int, maximumLength: Int) throws(WebSocketError) {
        guard length <= WebSocketLimits.compressedLength(of: maximumLength) - announced else { throw .messageTooLong }
        announced += length
    }

    /// Inflates a piece of the message into `message`, which gets `maximumLength` bytes at most.
    func inflate(
        _ piece: UnsafeRawBufferPointer, into message: inout ByteBuffer, maximumLength: Int
    ) throws(WebSocketError) {
        guard let base = piece.baseAddress, piece.count > 0 else { return }
        isEmpty = false
        // (zlib does not write to its input; older declarations do not say so.)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(piece.count)
        while true {
            let status = try step(into: &message, room: maximumLength - message.count, guess: 4 * piece.count)
            switch status {
            case Z_OK:
                if stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 { return }
            case Z_BUF_ERROR:
                // Nothing is left to be taken or given.
                return
            case Z_STREAM_END:
                // A block with BFINAL set (7.2.3.4): what follows it in the message begins anew.
                inflateReset(stream)
                if stream.pointee.avail_in == 0 { return }
            default:
                throw .badCompression
            }
        }
    }

    /// - Parameters:
    ///   - room: for so many bytes, and not one more.
    ///   - guess: how many it may be.
    private func step(
        into message: inout ByteBuffer, room: Int, guess: Int
    ) throws(WebSocketError) -> Int32 {
        guard room > 0 else {
            // The message is as long as it may be: nothing but its end may follow.
            var excess: UInt8 = 0
            return try withUnsafeMutablePointer(to: &excess) { (excess) throws(WebSocketError) in
                let (status, written) = inflate(into: UnsafeMutableRawBufferPointer(start: excess, count: 1))
                guard written == 0 else { throw .messageTooLong }
                return status
            }
        }
        var status = Z_OK
        message.append(atLeast: min(room, max(64, guess))) { free in
            let written: Int
            (status, written) = inflate(into: UnsafeMutableRawBufferPointer(rebasing: free.prefix(room)))
            return written
        }
        return status
    }

    private func inflate(into memory: UnsafeMutableRawBufferPointer) -> (status: Int32, written: Int) {
        // More than 4 GiB at once do not fit into zlib's counter; the rest comes in the next step.
        let count = UInt32(clamping: memory.count)
        stream.pointee.next_out = memory.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = count
        let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
        return (status, Int(count - stream.pointee.avail_out))
    }

    /// The message's last frame has ended: the four bytes that its sender left out (7.2.1) must end its last block.
    func finish(into message: inout ByteBuffer, maximumLength: Int) throws(WebSocketError) {
        // Some compressors have nothing to say about nothing: no bytes are an empty message.
        if isEmpty { return }
        let tail: [4 of UInt8] = [0x00, 0x00, 0xFF, 0xFF]
        try tail.span.withUnsafeBytes { (tail) throws(WebSocketError) in
            try inflate(tail, into: &message, maximumLength: maximumLength)
        }
        // zlib.h, inflate: 128 is added when it is right behind a block's end; below are the bits left in hand.
        guard stream.pointee.data_type & 0b1000_0111 == 128 else { throw .badCompression }
    }
}
