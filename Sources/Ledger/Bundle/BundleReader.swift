import Glibc

/// A bundle's folder as a log.
struct BundleReader: LedgerReader {
    let folder: String
    /// A bundle of entries of the largest size, with their lengths.
    private static let maximumTile = TileAddress.fullWidth * (CanonicalJSON.maximumBytes + 2)

    func read(_ address: TileAddress) throws -> [UInt8]? {
        try BundleFileReader.contents(folder + "/" + address.path, limit: Self.maximumTile)
    }

    /// Calls `body` with each file below the folder, as a path relative to it, and whether it is a regular file.
    /// - Throws: ``LedgerError`` (`fileSystem`), or what `body` throws.
    func forEachFile(_ body: (_ path: String, _ isRegular: Bool) throws -> Void) throws {
        var folders = [""]
        while let prefix = folders.popLast() {
            let fullPath = folder + "/" + prefix
            guard let stream = opendir(fullPath) else { throw BundleFileError.last("opened", fullPath) }
            defer { closedir(stream) }
            while let item = readdir(stream) {
                let name = withUnsafePointer(to: &item.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name == "." || name == ".." { continue }
                var status = stat()
                guard lstat(fullPath + name, &status) == 0 else { throw BundleFileError.last("read", fullPath + name) }
                if status.st_mode & S_IFMT == S_IFDIR {
                    folders.append(prefix + name + "/")
                } else {
                    try body(prefix + name, status.st_mode & S_IFMT == S_IFREG)
                }
            }
        }
    }

    /// Removes a folder with all that is in it, as far as it can.
    static func remove(folder: String) {
        var folders: Set = [folder]
        try? BundleReader(folder: folder).forEachFile { path, _ in
            unlink(folder + "/" + path)
            var parent = path
            while let slash = parent.utf8.lastIndex(of: UInt8(ascii: "/")) {
                parent = String(parent[..<slash])
                folders.insert(folder + "/" + parent)
            }
        }
        // The deepest first.
        for folder in folders.sorted(by: { $0.utf8.count > $1.utf8.count }) { rmdir(folder) }
    }
}
