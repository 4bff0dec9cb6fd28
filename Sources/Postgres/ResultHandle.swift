import CLibpq

/// A complete result, owned.
///
/// `@unchecked Sendable`: a `PGresult` is not changed after libpq returned it, and reading one from several threads at
/// once is allowed (libpq manual, section 34.20); `PQclear` runs once, in `deinit`.
final class ResultHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        PQclear(pointer)
    }

    var status: ExecStatusType { PQresultStatus(pointer) }

    var rowCount: Int { Int(PQntuples(pointer)) }

    /// The command's tag, as `COMMIT` or `INSERT 0 1`.
    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    /// The number of rows a command inserted, updated, deleted or returned.
    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    var serverMessage: ServerMessage { ServerMessage(pointer) }

    /// Bytes of memory the result holds.
    var memorySize: Int { PQresultMemorySize(pointer) }

    /// Calls `body` with the bytes of a value, nil for NULL.
    func withValue<Result>(
        row: Int, column: Int, _ body: (UnsafeRawBufferPointer?) throws -> Result
    ) rethrows -> Result {
        let (row, column) = (Int32(row), Int32(column))
        if PQgetisnull(pointer, row, column) != 0 { return try body(nil) }
        return try withExtendedLifetime(self) {
            try body(
                UnsafeRawBufferPointer(
                    start: PQgetvalue(pointer, row, column), count: Int(PQgetlength(pointer, row, column))))
        }
    }
}

/// The names and types of a result's columns.
final class ResultColumns: Sendable {
    let names: [String]
    let types: [PostgresType]

    init(_ result: ResultHandle) {
        let indices = 0..<PQnfields(result.pointer)
        names = indices.map { String(cString: PQfname(result.pointer, $0)) }
        types = indices.map { PostgresType(rawValue: PQftype(result.pointer, $0)) }
    }
}
