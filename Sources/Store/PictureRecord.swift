import Postgres

/// A rendered picture as stored: lossless PNG, identified by the digest of its PGM form.
public struct PictureRecord: Sendable, Equatable {
    /// SHA-256 of "P5\n<width> <height>\n255\n" followed by the pixels, lower-case hex.
    public var sha256: String
    /// Columns of pixels.
    public var width: Int
    /// Rows of pixels.
    public var height: Int
    /// The whole PNG file.
    public var png: [UInt8]

    /// A picture by its parts, which are not compared: `sha256` is taken on trust.
    public init(sha256: String, width: Int, height: Int, png: [UInt8]) {
        self.sha256 = sha256
        self.width = width
        self.height = height
        self.png = png
    }

    init(_ row: PostgresRow) throws {
        self.init(sha256: try row["sha256"], width: try row["width"], height: try row["height"], png: try row["data"])
    }

    /// Adds the picture unless it is known already: two encodings of one radiograph share their picture.
    func insert(on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO longview.pictures (sha256, width, height, encoding, data) VALUES ($1, $2, $3, 'png', $4)
            ON CONFLICT (sha256) DO NOTHING
            """,
            sha256, width, height, png)
    }
}

extension Store {
    /// The picture with the digest `sha256`, or nil.
    public func picture(_ sha256: String) async throws -> PictureRecord? {
        try await pool.withConnection { connection in
            let rows = try await connection.query(
                "SELECT sha256, width, height, data FROM longview.pictures WHERE sha256 = $1", sha256)
            return try rows.first.map(PictureRecord.init)
        }
    }
}
