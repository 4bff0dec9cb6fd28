/// The type of a column or parameter: its object identifier in `pg_type`.
public struct PostgresType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The object identifier.
    public var rawValue: UInt32

    /// The type with an object identifier.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The server infers the type from where the parameter stands.
    public static let inferred = PostgresType(rawValue: 0)

    // Source: src/include/catalog/pg_type.dat of PostgreSQL; these identifiers never change.
    /// `bool`.
    public static let bool = PostgresType(rawValue: 16)
    /// `bytea`.
    public static let bytea = PostgresType(rawValue: 17)
    /// `"char"`.
    public static let char = PostgresType(rawValue: 18)
    /// `name`.
    public static let name = PostgresType(rawValue: 19)
    /// `int8`.
    public static let int8 = PostgresType(rawValue: 20)
    /// `int2`.
    public static let int2 = PostgresType(rawValue: 21)
    /// `int4`.
    public static let int4 = PostgresType(rawValue: 23)
    /// `text`.
    public static let text = PostgresType(rawValue: 25)
    /// `oid`.
    public static let oid = PostgresType(rawValue: 26)
    /// `json`.
    public static let json = PostgresType(rawValue: 114)
    /// `float4`.
    public static let float4 = PostgresType(rawValue: 700)
    /// `float8`.
    public static let float8 = PostgresType(rawValue: 701)
    /// `unknown`.
    public static let unknown = PostgresType(rawValue: 705)
    /// `int2[]`.
    public static let int2Array = PostgresType(rawValue: 1005)
    /// `int4[]`.
    public static let int4Array = PostgresType(rawValue: 1007)
    /// `varchar[]`.
    public static let varcharArray = PostgresType(rawValue: 1015)
    /// `int8[]`.
    public static let int8Array = PostgresType(rawValue: 1016)
    /// `text[]`.
    public static let textArray = PostgresType(rawValue: 1009)
    /// `float4[]`.
    public static let float4Array = PostgresType(rawValue: 1021)
    /// `float8[]`.
    public static let float8Array = PostgresType(rawValue: 1022)
    /// `bpchar`.
    public static let bpchar = PostgresType(rawValue: 1042)
    /// `varchar`.
    public static let varchar = PostgresType(rawValue: 1043)
    /// `timestamp`.
    public static let timestamp = PostgresType(rawValue: 1114)
    /// `timestamptz`.
    public static let timestamptz = PostgresType(rawValue: 1184)
    /// `numeric`.
    public static let numeric = PostgresType(rawValue: 1700)
    /// `uuid`.
    public static let uuid = PostgresType(rawValue: 2950)
    /// `uuid[]`.
    public static let uuidArray = PostgresType(rawValue: 2951)
    /// `jsonb`.
    public static let jsonb = PostgresType(rawValue: 3802)

    /// The first identifier that is not PostgreSQL's own: enumerations and the types of extensions lie above it.
    static let firstUserDefined: UInt32 = 16384

    /// The name, as in SQL.
    public var description: String {
        Self.names[self] ?? "type \(rawValue)"
    }

    private static let names: [PostgresType: String] = [
        .bool: "bool", .bytea: "bytea", .char: "\"char\"", .name: "name", .int8: "int8", .int2: "int2", .int4: "int4",
        .text: "text", .oid: "oid", .json: "json", .float4: "float4", .float8: "float8", .unknown: "unknown",
        .int2Array: "int2[]", .int4Array: "int4[]", .varcharArray: "varchar[]", .int8Array: "int8[]",
        .textArray: "text[]", .float4Array: "float4[]", .float8Array: "float8[]",
        .bpchar: "char", .varchar: "varchar", .timestamp: "timestamp", .timestamptz: "timestamptz",
        .numeric: "numeric", .uuid: "uuid", .uuidArray: "uuid[]", .jsonb: "jsonb",
    ]
}
