import Foundation
public import Ledger
import Postgres
import Synchronization

/// The ledger's tiles and bundles for verifiers and proofs, read from the database as they are asked for.
///
/// Reading waits on the calling thread, so it belongs on a thread of its own and never on Swift's cooperative ones:
/// ``Store/withLedgerReader(_:)`` provides one. Entries are fetched several bundles at a time.
public final class StoreLedgerReader: LedgerReader, Sendable {
    private let tables: LedgerTables
    private let size: Int
    private let ahead = Mutex(Ahead())
    /// The right edge's tiles: made from what lies below them, and asked for once for each of their subtrees.
    private let partial = Mutex<[TileAddress: [UInt8]]>([:])

    /// Entries fetched ahead.
    private struct Ahead {
        var range = 0..<0
        var entries: [Int: [UInt8]] = [:]
    }

    /// The most entries fetched at once: 64 bundles.
    private static let batch = 64 * TileAddress.fullWidth

    init(_ tables: LedgerTables, size: Int) {
        self.tables = tables
        self.size = size
    }

    /// The bytes of a tile or bundle; nil where the tables have not all of it.
    public func read(_ address: TileAddress) throws -> [UInt8]? {
        guard case .hashes(let level) = address.kind else {
            let entries = try entries(address.range)
            return entries.isEmpty ? nil : try EntryBundle.encode(entries)
        }
        if let bytes = partial.withLock({ $0[address] }) { return bytes }
        let bytes = try Blocking.wait { [tables] in try await tables.tile(level, address) }
        if address.isPartial { partial.withLock { $0[address] = bytes } }
        return bytes
    }

    private func entries(_ range: Range<Int>) throws -> [[UInt8]] {
        try ahead.withLock { ahead in
            if !ahead.range.contains(range.lowerBound) || range.upperBound > ahead.range.upperBound {
                let end = max(range.upperBound, min(size, range.lowerBound + Self.batch))
                let wanted = range.lowerBound..<end
                ahead.entries = try Blocking.wait { [tables] in try await tables.entries(wanted) }
                ahead.range = wanted
            }
            return range.compactMap { ahead.entries[$0] }
        }
    }
}

extension StoreLedgerReader {
    /// Runs `body` on a thread of its own, where it may wait.
    func onOwnThread<Value: Sendable>(
        _ body: @escaping @Sendable (StoreLedgerReader) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            // Not one of Dispatch's: those are few, and connections work on them.
            Thread.detachNewThread { continuation.resume(with: Result { try body(self) }) }
        }
    }
}

extension Store {
    /// Runs `body` on a thread of its own, with the ledger's tiles and entries as they are at this moment, and their
    /// number.
    public func withLedgerReader<Value: Sendable>(
        _ body: @escaping @Sendable (_ reader: StoreLedgerReader, _ size: Int) throws -> Value
    ) async throws -> Value {
        try await pool.withConnection { connection in
            let size = try await LedgerTables.size(on: connection)
            return try await StoreLedgerReader(LedgerTables(connection: connection), size: size).onOwnThread {
                try body($0, size)
            }
        }
    }
}
