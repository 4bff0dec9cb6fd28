/// Buffers of an arena, with the steps between which each is in use.
struct BufferPlacement {
    private struct Buffer {
        var floats: Int
        var first = Int.max
        var last = Int.min
        var offset = 0
    }

    private var buffers: [Buffer] = []

    /// Adds a buffer of `floats` per image and returns its number.
    mutating func add(floats: Int) -> Int {
        buffers.append(Buffer(floats: (floats + 15) / 16 * 16))
        return buffers.count - 1
    }

    /// Notes that `step` reads or writes the buffer.
    mutating func use(_ buffer: Int, at step: Int) {
        buffers[buffer].first = min(buffers[buffer].first, step)
        buffers[buffer].last = max(buffers[buffer].last, step)
    }

    /// Whether a step before `step` reads or writes the buffer.
    func isUsed(_ buffer: Int, before step: Int) -> Bool { buffers[buffer].first < step }

    func offset(of buffer: Int) -> Int { buffers[buffer].offset }

    /// Gives every buffer an offset, such that buffers in use at one time don't overlap: the largest first, each as
    /// low as it fits. Returns the arena's size.
    mutating func place() -> Int {
        var placed: [Int] = []
        var size = 0
        for i in buffers.indices.sorted(by: { (buffers[$0].floats, $1) > (buffers[$1].floats, $0) }) {
            var offset = 0
            let neighbours = placed.map { buffers[$0] }
                .filter { $0.first <= buffers[i].last && buffers[i].first <= $0.last }
                .sorted { $0.offset < $1.offset }
            for neighbour in neighbours {
                if offset + buffers[i].floats <= neighbour.offset { break }
                offset = max(offset, neighbour.offset + neighbour.floats)
            }
            buffers[i].offset = offset
            size = max(size, offset + buffers[i].floats)
            placed.append(i)
        }
        return size
    }
}
