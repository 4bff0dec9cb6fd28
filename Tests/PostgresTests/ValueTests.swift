import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Values")
struct ValueTests {
    /// Sends a value, has the server store it in a column of the type, and reads it back.
    private func roundTrip<Value: PostgresEncodable & PostgresDecodable>(
        _ value: Value, _ create: SQL, on connection: PostgresConnection
    ) async throws -> Value {
        try await connection.execute("DROP TABLE IF EXISTS pg_temp.t")
        try await connection.execute(create)
        try await connection.execute("INSERT INTO t (value) VALUES ($1)", value)
        return try await connection.query("SELECT value FROM t")[0]["value"]
    }

    @Test("doubles keep every bit")
    func doubles() async throws {
        let connection = try await TestDatabase.create().connect()
        let values: [Double] = [
            0, -0.0, 1, -1, 0.1, .pi, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
            .leastNormalMagnitude, .greatestFiniteMagnitude, .nan, Double(bitPattern: 0x7FF8_0000_DEAD_BEEF),
            1.0.nextUp, 1.0.nextDown,
        ]
        for value in values {
            let back = try await roundTrip(value, "CREATE TEMP TABLE t (value float8)", on: connection)
            #expect(back.bitPattern == value.bitPattern)
        }
        let array = try await roundTrip(values, "CREATE TEMP TABLE t (value float8[])", on: connection)
        #expect(array.map(\.bitPattern) == values.map(\.bitPattern))
    }

    @Test("floats keep every bit, and the server sees the number that was sent")
    func floats() async throws {
        let connection = try await TestDatabase.create().connect()
        var values: [Float] = [
            0, -0.0, 0.1, .infinity, -.infinity, .leastNonzeroMagnitude, .leastNormalMagnitude,
            .greatestFiniteMagnitude, .nan, Float(bitPattern: 0xFFC0_1234),
        ]
        var generator = SystemRandomNumberGenerator()
        // A signalling NaN may be made quiet on its way through a register.
        values += (0..<500).map { _ in Float(bitPattern: generator.next()) }.filter { !$0.isSignalingNaN }
        let array = try await roundTrip(values, "CREATE TEMP TABLE t (value float4[])", on: connection)
        #expect(array.map(\.bitPattern) == values.map(\.bitPattern))
        for value in values.prefix(10) {
            let back = try await roundTrip(value, "CREATE TEMP TABLE t (value float4)", on: connection)
            #expect(back.bitPattern == value.bitPattern)
        }
        let text: String = try await connection.query("SELECT $1::float4::text AS t", Float(0.1))[0]["t"]
        #expect(text == "0.1")
    }

    @Test("integers keep their extremes", arguments: [Int64.min, -1, 0, 1, .max])
    func integers(value: Int64) async throws {
        let connection = try await TestDatabase.create().connect()
        #expect(try await roundTrip(value, "CREATE TEMP TABLE t (value int8)", on: connection) == value)
        #expect(try await roundTrip(Int(value), "CREATE TEMP TABLE t (value int8)", on: connection) == Int(value))
        let small = Int32(truncatingIfNeeded: value)
        #expect(try await roundTrip(small, "CREATE TEMP TABLE t (value int4)", on: connection) == small)
        #expect(
            try await roundTrip([Int(value), 0], "CREATE TEMP TABLE t (value int8[])", on: connection) == [
                Int(value), 0,
            ])
        let row = try await connection.query("SELECT 7::int2 AS small, 8::int4 AS middle, 9::oid AS oid")[0]
        #expect(try row.decode("small", as: Int.self) == 7)
        #expect(try row.decode("middle", as: Int64.self) == 8)
        #expect(try row.decode("oid", as: Int.self) == 9)
    }

    @Test(
        "texts keep their characters",
        arguments: ["", "a", "Müller 'O''Neil' \\ \"x\" $1; --", "🫁\n\t\u{7F}\u{FFFD}", "{a,\"b\"}"])
    func texts(value: String) async throws {
        let connection = try await TestDatabase.create().connect()
        #expect(try await roundTrip(value, "CREATE TEMP TABLE t (value text)", on: connection) == value)
        let array = [value, "", "NULL", value]
        #expect(try await roundTrip(array, "CREATE TEMP TABLE t (value text[])", on: connection) == array)
        #expect(try await roundTrip([String](), "CREATE TEMP TABLE t (value text[])", on: connection).isEmpty)
    }

    @Test("bytes keep their values, none and ten megabytes included")
    func bytes() async throws {
        let connection = try await TestDatabase.create().connect()
        let picture = (0..<10 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        for value in [[], [0], Array(0...255), picture] {
            #expect(try await roundTrip(value, "CREATE TEMP TABLE t (value bytea)", on: connection) == value)
        }
        let length: Int = try await connection.query("SELECT octet_length($1) AS n", picture)[0]["n"]
        #expect(length == picture.count)
    }

    @Test("booleans, UUIDs, JSON and timestamps come back as sent")
    func others() async throws {
        let connection = try await TestDatabase.create().connect()
        for value in [true, false] {
            #expect(try await roundTrip(value, "CREATE TEMP TABLE t (value bool)", on: connection) == value)
        }
        let id = UUID()
        #expect(try await roundTrip(id, "CREATE TEMP TABLE t (value uuid)", on: connection) == id)
        #expect(try await roundTrip([id], "CREATE TEMP TABLE t (value uuid[])", on: connection) == [id])
        let idText: String = try await connection.query("SELECT $1::uuid::text AS t", id)[0]["t"]
        #expect(idText == id.uuidString.lowercased())

        let json = JSONText(#"{"a": [1, "ü"]}"#)
        #expect(try await roundTrip(json, "CREATE TEMP TABLE t (value jsonb)", on: connection) == json)
        #expect(try await roundTrip(json, "CREATE TEMP TABLE t (value json)", on: connection) == json)

        // 1901-12-13, before 2000, the epochs, and the year 9999, with odd microseconds.
        for microseconds: Int64 in [
            -2_147_483_648_000_001, -1, 0, 946_684_800_000_000, 1_772_355_900_000_123, 253_402_300_799_999_999,
        ] {
            let value = Timestamp(microseconds: microseconds)
            #expect(try await roundTrip(value, "CREATE TEMP TABLE t (value timestamptz)", on: connection) == value)
            let text: String = try await connection.query(
                #"SELECT to_char($1::timestamptz, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS t"#, value)[0]["t"]
            #expect(text == value.description)
            #expect(Timestamp(rfc3339: text) == value)
        }
    }

    @Test("an enumeration is passed and read as text")
    func enumeration() async throws {
        let connection = try await TestDatabase.create().connect()
        try await connection.execute("CREATE TYPE state AS ENUM ('queued', 'done')")
        let back: String = try await connection.query("SELECT $1::state AS s", "done")[0]["s"]
        #expect(back == "done")
    }

    @Test("NULL is nil, and an error where no optional is asked for")
    func nulls() async throws {
        let connection = try await TestDatabase.create().connect()
        let absent: Double? = nil
        let row = try await connection.query(
            "SELECT $1::float8 AS a, $2::text AS b, $3::bytea AS c", absent, nil, [UInt8]())[0]
        #expect(try row.decode("a", as: Double?.self) == nil)
        #expect(try row.decode("b", as: String?.self) == nil)
        #expect(try row.decode("c", as: [UInt8]?.self) == [])
        #expect(try row.isNull("a"))
        #expect(try !row.isNull("c"))
        let error = #expect(throws: PostgresError.self) { try row.decode("a", as: Double.self) }
        #expect(error?.code == .decodingFailed)
        #expect(error?.message.contains("\"a\"") == true)
    }

    @Test("a column that is missing or of another type is named")
    func wrongColumn() async throws {
        let connection = try await TestDatabase.create().connect()
        let rows = try await connection.query("SELECT 1.5::numeric AS amount, 'x' AS name, 2.5::float8 AS wide")
        #expect(rows.columnNames == ["amount", "name", "wide"])
        let missing = #expect(throws: PostgresError.self) { try rows[0].decode("risk", as: Int.self) }
        #expect(missing?.message.contains("\"risk\"") == true)
        let numeric = #expect(throws: PostgresError.self) { try rows[0].decode("amount", as: Double.self) }
        #expect(numeric?.message.contains("numeric") == true)
        #expect(throws: PostgresError.self) { try rows[0].decode("name", as: Int.self) }
        // Bits would be lost.
        #expect(throws: PostgresError.self) { try rows[0].decode("wide", as: Float.self) }
    }

    @Test("what PostgreSQL can't store is refused before it is sent")
    func unstorable() async throws {
        let connection = try await TestDatabase.create().connect()
        for value: any PostgresEncodable in ["a\0b", ["a\0b"], JSONText("\"\0\""), Timestamp(microseconds: .min)] {
            let error = await #expect(throws: PostgresError.self) { try await connection.query("SELECT $1", value) }
            #expect(error?.code == .invalidParameter)
        }
        #expect(throws: PostgresError.self) {
            try PostgresConfiguration(url: "postgresql://ada:s3cret@host:notaport:x/db?bad")
        }
    }
}

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "RFC 3339 is read and written",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"),
            ("2000-02-29T23:59:59.999999Z", 951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
            ("2026-03-01T10:05:00.5+01:00", 1_772_355_900_500_000, "2026-03-01T09:05:00.500000Z"),
            ("1969-12-31t23:59:59.999999-00:00", -1, "1969-12-31T23:59:59.999999Z"),
        ])
    func known(text: String, microseconds: Int64, written: String) {
        #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
        #expect(Timestamp(microseconds: microseconds).description == written)
    }

    @Test(
        "what is no date is refused",
        arguments: [
            "", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00", "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
            "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T00:00:00+24:00",
        ])
    func refused(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }
}
