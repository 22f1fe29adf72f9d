/// A queue of bytes in one piece of memory: appended at the end, consumed at the front.
///
///     storage  [ consumed | readable ……………… | free ]
///              0          head              tail   capacity
///
/// An empty buffer that was never written to owns no memory, and `releaseIfEmpty()` gives it back, so that an idle
/// connection costs nothing. The buffer sets itself no limit: its owner looks at `count` and decides.
public struct ByteBuffer: ~Copyable {
    @usableFromInline var storage: UnsafeMutablePointer<UInt8>?
    @usableFromInline var head = 0
    @usableFromInline var tail = 0
    public private(set) var capacity = 0

    /// - Parameter capacity: bytes to set aside now; 0 allocates nothing.
    public init(capacity: Int = 0) {
        if capacity > 0 { grow(toFit: capacity) }
    }

    deinit {
        storage?.deallocate()
    }

    /// How many bytes wait to be consumed.
    @inlinable public var count: Int { tail - head }
    @inlinable public var isEmpty: Bool { tail == head }

    /// The readable bytes. Valid until the next mutation.
    @inlinable public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let span = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: storage.map { $0 + head }, count: count))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The readable bytes for a system call or a C library. The pointer is valid inside `body` only.
    @inlinable public borrowing func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: storage.map { $0 + head }, count: count))
    }

    /// Drops `count` bytes at the front.
    @inlinable public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count, "consumed more than there is")
        head += count
        if head == tail {
            head = 0
            tail = 0
        }
    }

    /// Drops everything and keeps the memory for the next use.
    @inlinable public mutating func removeAll() {
        head = 0
        tail = 0
    }

    /// Drops the bytes after the first `count` readable ones: takes back what was appended since.
    @inlinable public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "cannot truncate to more than there is")
        tail = head + count
    }

    /// Gives the memory back when nothing is in it.
    public mutating func releaseIfEmpty() {
        guard isEmpty, let memory = storage else { return }
        memory.deallocate()
        storage = nil
        capacity = 0
    }

    /// Gives back most of the memory when little of it is used: for what may wait for long. So seldom that the moving of what
    /// is in it costs less than its coming did.
    public mutating func shrink() {
        // An allocator does little with less.
        guard capacity > 1024, count <= capacity / 4 else { return }
        if isEmpty {
            releaseIfEmpty()
        } else {
            var size = 64
            while size < count { size *= 2 }
            move(to: size)
        }
    }

    @inlinable public mutating func append(_ byte: UInt8) {
        reserve(1)
        storage![tail] = byte
        tail += 1
    }

    @inline(__always) @inlinable public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        UnsafeMutableRawPointer(storage! + tail).copyMemory(from: source, byteCount: bytes.count)
        tail += bytes.count
    }

    @inline(__always) @inlinable public mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { append($0) }
    }

    @inlinable public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// In line, so that the copy of a literal is some moves of known length and no call.
    @inline(__always) @inlinable public mutating func append(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        guard count > 0 else { return }
        reserve(count)
        UnsafeMutableRawPointer(storage! + tail).copyMemory(from: text.utf8Start, byteCount: count)
        tail += count
    }

    /// Appends the UTF-8 of `text`. A literal is a `StaticString`, which costs half.
    @_disfavoredOverload
    @inlinable public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Lets `body` write into at least `count` free bytes; it returns how many it wrote.
    @inlinable public mutating func append(atLeast count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        reserve(max(1, count))
        let free = UnsafeMutableRawBufferPointer(start: storage! + tail, count: capacity - tail)
        let written = body(free)
        precondition(written >= 0 && written <= free.count, "wrote past the end")
        tail += written
    }

    /// Overwrites readable bytes that were appended before, such as a length known only later.
    /// - Parameter offset: from the first readable byte.
    @inlinable public mutating func replace(at offset: Int, with bytes: UnsafeRawBufferPointer) {
        precondition(offset >= 0 && offset + bytes.count <= count, "replaces bytes that are not there")
        guard let source = bytes.baseAddress else { return }
        UnsafeMutableRawPointer(storage! + head + offset).copyMemory(from: source, byteCount: bytes.count)
    }

    /// Makes room for `count` more bytes, moving or growing the memory when needed.
    @inlinable public mutating func reserve(_ count: Int) {
        if capacity - tail < count { makeRoom(count) }
    }

    @usableFromInline mutating func makeRoom(_ count: Int) {
        let readable = self.count
        if readable + count <= capacity, head >= capacity / 2, let storage {
            // Sliding costs less than growing, and at most once per half of the buffer consumed.
            storage.update(from: storage + head, count: readable)
            head = 0
            tail = readable
        } else {
            grow(toFit: readable + count)
        }
    }

    private mutating func grow(toFit needed: Int) {
        var size = max(64, capacity)
        while size < needed { size *= 2 }
        move(to: size)
    }

    private mutating func move(to size: Int) {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        let readable = count
        if let old = storage {
            memory.update(from: old + head, count: readable)
            old.deallocate()
        }
        storage = memory
        capacity = size
        head = 0
        tail = readable
    }
}
