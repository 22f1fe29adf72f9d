import Bytes
import CZlib

/// Compresses messages, each by itself (RFC 7692, 7.2.1, without context takeover): what it makes of a message is the
/// same for every connection that agreed on a window of this size or a larger one.
///
/// A class, for zlib's state points back to its stream: it must not be moved.
public final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter windowBits: 9 to 15.
    public init(windowBits: UInt8 = WebSocketLimits.windowBits) {
        precondition((9...15).contains(windowBits), "zlib has no such window")
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = czlib_deflate_init(
            stream, Z_DEFAULT_COMPRESSION, Int32(windowBits), WebSocketLimits.deflateMemoryLevel)
        precondition(status == Z_OK, "no memory for zlib's state")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends the compressed message, without the four bytes that the receiver adds by itself.
    public func append(_ message: Span<UInt8>, to output: inout ByteBuffer) {
        guard message.count > 0 else {
            // zlib has nothing to say about nothing; the RFC does (7.2.3.6).
            output.append(0)
            return
        }
        let status = deflateReset(stream)
        precondition(status == Z_OK, "zlib's state was spoilt")
        message.withUnsafeBytes { deflate($0, &output) }
        output.truncate(to: output.count - 4)
    }

    private func deflate(_ message: UnsafeRawBufferPointer, _ output: inout ByteBuffer) {
        var rest = message
        repeat {
            // zlib counts in 32 bits.
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(UInt32.max)))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            // (zlib does not write to its input; older declarations do not say so.)
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(piece.count)
            repeat {
                output.append(atLeast: max(64, min(piece.count, 64 << 10))) { free in
                    let count = UInt32(clamping: free.count)
                    stream.pointee.next_out = free.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.pointee.avail_out = count
                    _ = CZlib.deflate(stream, rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH)
                    return Int(count - stream.pointee.avail_out)
                }
                // A full output is not the end, whether more was behind it or not; a flush with nothing to do is none.
            } while stream.pointee.avail_out == 0
        } while !rest.isEmpty
    }
}
