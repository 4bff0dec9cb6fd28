/// The rows a statement returned.
public struct PostgresRows: RandomAccessCollection, Sendable {
    let result: ResultHandle
    let columns: ResultColumns

    init(_ result: ResultHandle) {
        self.result = result
        columns = ResultColumns(result)
    }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of rows.
    public var endIndex: Int { result.rowCount }

    /// The row at `position`, from 0.
    public subscript(position: Int) -> PostgresRow {
        precondition(indices.contains(position), "row \(position) of \(count)")
        return PostgresRow(result: result, columns: columns, index: position)
    }

    /// The names of the columns, in order.
    public var columnNames: [String] { columns.names }
}

/// One row: values by the name of their column.
public struct PostgresRow: Sendable {
    let result: ResultHandle
    let columns: ResultColumns
    let index: Int

    /// The value of a column, as the type the context asks for: `let risk: Double = try row["risk"]`.
    public subscript<Value: PostgresDecodable>(column: String) -> Value {
        get throws { try decode(column, as: Value.self) }
    }

    /// The value of a column as `type`.
    ///
    /// - Throws: ``PostgresError`` with the code `decodingFailed`, naming the column and never the value, where there
    ///   is no such column, it is NULL and `type` isn't optional, or its type isn't one that `type` reads.
    public func decode<Value: PostgresDecodable>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
        guard let position = columns.names.firstIndex(of: column) else {
            throw PostgresError(
                .decodingFailed,
                "the result has no column \"\(column)\"; it has \(columns.names.joined(separator: ", "))")
        }
        do {
            return try result.withValue(row: index, column: position) {
                try Value(postgres: $0, type: columns.types[position])
            }
        } catch let failure as PostgresDecodingFailure {
            throw PostgresError(
                .decodingFailed, "column \"\(column)\" \(failure.reason)", underlying: failure)
        }
    }

    /// Whether the value of a column is NULL.
    ///
    /// - Throws: ``PostgresError`` with the code `decodingFailed` where there is no such column.
    public func isNull(_ column: String) throws -> Bool {
        try decode(column, as: Presence.self).isNull
    }

    /// Reads a value of any type only as far as whether it is there.
    private struct Presence: PostgresDecodable {
        let isNull: Bool

        init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) {
            isNull = bytes == nil
        }
    }
}
