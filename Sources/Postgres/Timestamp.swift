/// A moment in UTC, to the microsecond, as PostgreSQL's `timestamptz` holds it.
///
/// Foundation's `Date` is a `Double` of seconds and does not keep microseconds over a century.
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public var microseconds: Int64

    /// The moment so many microseconds after 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Whether `left` is earlier.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The span from `start` to this moment.
    public func duration(since start: Timestamp) -> Duration {
        .microseconds(microseconds - start.microseconds)
    }

    /// Microseconds from 1970-01-01 to PostgreSQL's epoch, 2000-01-01 (src/include/datatype/timestamp.h).
    private static let postgresEpoch: Int64 = 946_684_800_000_000
}

extension Timestamp: PostgresEncodable {
    /// Passes timestamptz: microseconds since 2000-01-01T00:00:00Z.
    /// - Throws: ``PostgresError`` (`invalidParameter`) for a moment out of range.
    public func postgresParameter() throws -> PostgresParameter {
        let (value, overflow) = microseconds.subtractingReportingOverflow(Self.postgresEpoch)
        guard !overflow, value != .min, value != .max else {
            throw PostgresError(.invalidParameter, "a timestamp lies outside the range of timestamptz")
        }
        return PostgresParameter(bigEndian: value, type: .timestamptz)
    }
}

/// Reads timestamptz, and timestamp as if it were UTC.
extension Timestamp: PostgresDecodable {
    /// Reads the microseconds as they are; NULL, infinity and moments out of range are refused.
    public init(postgres bytes: UnsafeRawBufferPointer?, type: PostgresType) throws {
        guard let bytes else { throw PostgresDecodingFailure.null }
        guard type == .timestamptz || type == .timestamp else {
            throw PostgresDecodingFailure.mismatch(type, Timestamp.self)
        }
        let value = try bytes.bigEndian(Int64.self)
        // PostgreSQL's infinity and -infinity.
        guard value != .max, value != .min else { throw PostgresDecodingFailure("is infinite") }
        let (microseconds, overflow) = value.addingReportingOverflow(Self.postgresEpoch)
        guard !overflow else { throw PostgresDecodingFailure("lies outside the range of a timestamp") }
        self.init(microseconds: microseconds)
    }
}
