/// PyTorch's zip format: `<name>/data.pkl`, and one entry `<name>/data/<key>` a storage.
enum TorchArchive {
    /// A pickle of state dictionaries holds names and shapes, no weights.
    private static let pickleLimit = 64 << 20

    static func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(CheckpointError) -> (PickleMachine, PickleValue, storages: [String: Range<Int>]) {
        let archive = try ZipArchive(bytes)
        let pickles = archive.entries.keys.filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
        guard pickles.count == 1, let name = pickles.first, let pickle = archive.entries[name] else {
            throw CheckpointError("it has no data.pkl; a zip of something else than a checkpoint, or TorchScript")
        }
        guard pickle.range.count <= pickleLimit else {
            throw CheckpointError("its data.pkl has \(pickle.range.count) bytes, more than any")
        }
        let prefix = name.dropLast("data.pkl".count)
        if let order = archive.entries[prefix + "byteorder"],
            !bytes[order.range].elementsEqual("little".utf8)
        {
            throw CheckpointError("its numbers are big-endian")
        }
        // A download can go wrong without a word; the checksums tell.
        for (entry, place) in archive.entries where entry.hasPrefix(prefix) && place.checksum != 0 {
            guard CRC32.checksum(UnsafeRawBufferPointer(rebasing: bytes[place.range])) == place.checksum else {
                throw CheckpointError("its entry \(entry.suffix(40)) is damaged; fetch the file again")
            }
        }
        var machine = PickleMachine(UnsafeRawBufferPointer(rebasing: bytes[pickle.range]))
        let value = try machine.run()
        var storages: [String: Range<Int>] = [:]
        let folder = prefix + "data/"
        for (entry, place) in archive.entries where entry.hasPrefix(folder) {
            storages[String(entry.dropFirst(folder.count))] = place.range
        }
        return (machine, value, storages)
    }
}

/// PyTorch's format before 1.6: pickles of a magic number, a protocol version, the system's type sizes, the object, and
/// the storages' keys; then each storage, its number of elements before it (torch/serialization.py, `_legacy_save`).
enum TorchStream {
    /// 0x1950a86a20f9469cfc6c, as a pickled integer's little-endian bytes.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

    static func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(CheckpointError) -> (PickleMachine, PickleValue, storages: [String: Range<Int>]) {
        guard bytes.first == 0x80 else { throw CheckpointError("it begins like neither of PyTorch's formats") }
        var offset = 0
        func pickle() throws(CheckpointError) -> (PickleMachine, PickleValue) {
            var machine = PickleMachine(bytes, at: offset)
            let value = try machine.run()
            offset = machine.offset
            return (machine, value)
        }
        guard try pickle().1 == .wideInteger(magic) else {
            throw CheckpointError("it begins like neither of PyTorch's formats")
        }
        guard try pickle().1 == .integer(1001) else { throw CheckpointError("its protocol version is unknown") }
        let (system, facts) = try pickle()
        guard let entries = system.entries(of: facts), entries.contains(where: { $0 == ("little_endian", .bool(true)) })
        else { throw CheckpointError("its numbers are not little-endian") }
        let (machine, value) = try pickle()
        let (listing, keys) = try pickle()
        guard case .list(let index) = keys else { throw CheckpointError("it does not list its storages") }
        let sizes = Dictionary(machine.storages.map { ($0.key, $0.element.size) }, uniquingKeysWith: max)
        var storages: [String: Range<Int>] = [:]
        for item in listing.lists[index] {
            guard case .text(let key) = item, let size = sizes[key] else {
                throw CheckpointError("it lists a storage that no tensor has")
            }
            guard offset <= bytes.count - 8 else { throw CheckpointError("it is cut off") }
            let declared = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
            guard let count = Int(exactly: declared), count <= (bytes.count - offset) / size else {
                throw CheckpointError("it is cut off")
            }
            guard storages.updateValue(offset..<offset + count * size, forKey: key) == nil else {
                throw CheckpointError("it lists a storage twice")
            }
            offset += count * size
        }
        return (machine, value, storages)
    }
}
