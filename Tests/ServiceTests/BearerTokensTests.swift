import Foundation
import TestSupport
import Testing

@testable import Service

@Suite("Bearer tokens")
struct BearerTokensTests {
    private let first = String(repeating: "a1", count: 16), second = String(repeating: "b2", count: 32)

    private func file(_ text: String, mode: Int = 0o600) throws -> URL {
        let file = try TestFolder.forClusters().appendingPathComponent("tokens")
        #expect(
            FileManager.default.createFile(
                atPath: file.path, contents: Data(text.utf8), attributes: [.posixPermissions: mode]))
        return file
    }

    @Test("a token tells its holder's name; anything else is nobody's")
    func holders() throws {
        let tokens = try BearerTokens(
            contentsOf: file("# who may send\n\nworkstation-1 \(first)\n  pacs.2\t\(second)  \n"))
        #expect(tokens.holder(authorization: "Bearer \(first)") == "workstation-1")
        #expect(tokens.holder(authorization: "bearer \(second)") == "pacs.2")
        for wrong in [
            nil, "", "Bearer", "Bearer ", first, "Basic \(first)", "Bearer \(first.dropLast())", "Bearer \(first)x",
            "Bearer workstation-1", "Bearer \(first) ", "Bearer \(first.uppercased())",
        ] {
            #expect(tokens.holder(authorization: wrong) == nil)
        }
    }

    @Test("a file that others may read, or with a line that is wrong, is refused, and no token is in the words")
    func refused() throws {
        for (text, mode) in [
            ("a \(first)", 0o640), ("a \(first)", 0o604), ("", 0o600), ("# nobody", 0o600), ("\(first)", 0o600),
            ("a b \(first)", 0o600), ("a \(first.dropLast())", 0o600), ("a \(first)\na \(second)", 0o600),
            ("ä \(first)", 0o600),
        ] {
            let file = try file(text, mode: mode)
            let error = #expect(throws: TokenFileError.self, "\(text)") { try BearerTokens(contentsOf: file) }
            #expect(error?.description.contains(first.dropLast()) == false)
        }
        #expect(throws: TokenFileError.self) { try BearerTokens(contentsOf: URL(fileURLWithPath: "/nonexistent")) }
        #expect(throws: TokenFileError.self) { try BearerTokens(contentsOf: URL(fileURLWithPath: "/dev")) }
    }
}
