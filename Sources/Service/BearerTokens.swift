import Crypto
public import Foundation
import Glibc

/// Who may send over HTTP: names with the digests of their tokens (RFC 6750). The tokens themselves are not kept.
public struct BearerTokens: Sendable {
    private let holders: [(name: String, digest: SHA256Digest)]

    /// Tokens are at least this long: 32 characters of Base64 are 192 bits.
    public static let shortestToken = 32
    /// No file of tokens comes near this.
    private static let largestFile = 1 << 20

    /// Reads a file of lines `NAME TOKEN`; empty lines and those that begin with # are left out.
    ///
    /// - Throws: ``TokenFileError`` where the file can't be read, others may read it too, or a line is wrong.
    public init(contentsOf file: URL) throws {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TokenFileError("the token file \(file.path) can't be read: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        // Of the open file, not of its name: nobody can put another in its place between the two.
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw TokenFileError("the token file \(file.path) is no file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw TokenFileError("others may read the token file \(file.path): chmod 600 \(file.path)")
        }
        let bytes = try handle.read(upToCount: Self.largestFile + 1) ?? Data()
        guard bytes.count <= Self.largestFile else {
            throw TokenFileError("the token file \(file.path) is larger than 1 MiB")
        }
        try self.init(text: String(decoding: bytes, as: UTF8.self), path: file.path)
    }

    init(text: String, path: String) throws {
        var holders: [(name: String, digest: SHA256Digest)] = []
        for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() where line.first != "#" {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.isEmpty { continue }
            // A line is named by its number: its words may be a token.
            let place = "entry \(index + 1) of the token file \(path)"
            guard words.count == 2 else { throw TokenFileError("\(place) is no NAME TOKEN") }
            let (name, token) = (String(words[0]), words[1])
            guard name.utf8.count <= 64, name.utf8.allSatisfy(Self.isOfName) else {
                throw TokenFileError("\(place): a name has 1 to 64 letters, digits, dots, hyphens and underscores")
            }
            guard token.utf8.count >= Self.shortestToken else {
                throw TokenFileError(
                    "\(place): a token has \(Self.shortestToken) characters or more; make one with openssl rand -hex 32"
                )
            }
            guard !holders.contains(where: { $0.name == name }) else {
                throw TokenFileError("\(place): the name is there already")
            }
            holders.append((name, SHA256.hash(data: Data(token.utf8))))
        }
        guard !holders.isEmpty else {
            throw TokenFileError("the token file \(path) names nobody: add a line NAME TOKEN")
        }
        self.holders = holders
    }

    /// The name of who holds the token of an Authorization field; nil where it is nobody's. Takes the same time wherever
    /// a wrong token differs from a right one, and whoever holds the right one.
    func holder(authorization: String?) -> String? {
        let words = (authorization ?? "").split(separator: " ", maxSplits: 1)
        let isBearer = words.count == 2 && words[0].lowercased() == "bearer"
        let digest = SHA256.hash(data: Data((isBearer ? String(words[1]) : "").utf8))
        var found: String?
        // Comparing digests of swift-crypto takes constant time.
        for holder in holders where holder.digest == digest { found = holder.name }
        return isBearer ? found : nil
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "._-".utf8.contains(byte)
    }
}

/// What is wrong with a file of tokens.
public struct TokenFileError: Error, Sendable, CustomStringConvertible {
    /// What, where, and what to do.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
