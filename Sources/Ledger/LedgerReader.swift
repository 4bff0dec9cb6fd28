/// Where a verifier gets tiles and entry bundles from: an export's folder, a database, memory.
public protocol LedgerReader {
    /// The bytes of the tile or entry bundle at `address`; nil where there is none.
    ///
    /// A partial one may be absent where the full one at the same place is there (C2SP tlog-tiles).
    /// - Throws: where it is there and can't be read.
    func read(_ address: TileAddress) throws -> [UInt8]?
}
