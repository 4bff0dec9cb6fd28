import Crypto
import Foundation
#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif
import Glibc
import Ledger
import TestSupport

/// A log that grows in memory, with its key, and a folder of the test's own.
struct ServedLog: Sendable {
    static let signer = key("log.example/longview", .ed25519, seed: 1)
    let size: Int
    private let tiles: [TileAddress: [UInt8]]
    private let roots: [MerkleHash]

    static func key(_ name: String, _ algorithm: NoteAlgorithm, seed: UInt8) -> NoteSigner {
        let key = try! Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
        return try! NoteSigner(name: name, algorithm: algorithm, key: key)
    }

    static func witness(_ number: UInt8) -> NoteSigner {
        key("witness.example/w\(number)", .cosignatureV1, seed: 100 + number)
    }

    /// A log of `size` entries; `first` makes it another one.
    init(size: Int, first: Int = 0) {
        self.size = size
        var builder = TileBuilder()
        var tiles: [TileAddress: [UInt8]] = [:]
        var roots = [builder.root]
        for number in first..<first + size {
            builder.append(MerkleTree.leafHash(Array("{\"number\":\(number)}".utf8))) { tiles[$0] = $1.bytes }
            for (address, tile) in builder.partialTiles { tiles[address] = tile.bytes }
            roots.append(builder.root)
        }
        self.tiles = tiles
        self.roots = roots
    }

    func note(at size: Int, signer: NoteSigner = signer) throws -> SignedNote {
        let text = try Checkpoint(origin: signer.verifier.name, size: size, root: roots[size]).text
        return try SignedNote(text: text, signatures: [signer.sign(text)])
    }

    func proof(from old: Int, to new: Int) throws -> [MerkleHash] {
        let source = TileNodeSource(size: new) { address in tiles[address] ?? tiles[address.full] ?? [] }
        return try ConsistencyProof(oldSize: old, newSize: new, from: source).hashes
    }

    func request(from old: Int, to new: Int, signer: NoteSigner = signer) throws -> AddCheckpointRequest {
        let proof = old > 0 && old <= new ? try proof(from: old, to: new) : []
        return try AddCheckpointRequest(oldSize: old, proof: proof, note: note(at: new, signer: signer))
    }

    static func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("longview-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}

/// The program as a witness, in a process of its own.
final class WitnessProcess: @unchecked Sendable {  // used by one test at a time
    private(set) var process = Process()
    private(set) var port = 0
    let folder: URL
    private let arguments: [String]

    init(_ signer: NoteSigner, logs: [NoteVerifier] = [ServedLog.signer.verifier]) throws {
        folder = try ServedLog.folder()
        let key = folder.appendingPathComponent("key").path
        try KeyFile(path: key).create(signer)
        arguments =
            ["witness", "--key", key, "--state", folder.appendingPathComponent("state").path]
            + logs.flatMap { ["--log", $0.description] }
        try start()
    }

    var state: URL { folder.appendingPathComponent("state") }
    var url: String { "http://127.0.0.1:\(port)" }

    /// Starts it, anew on the same state; returns when it listens.
    func start() throws {
        process = Process()
        process.executableURL = Products.program("longview")
        process.arguments = arguments + ["--listen", "127.0.0.1:0"]
        let pipe = Pipe()
        process.standardError = pipe
        try process.run()
        var said = ""
        while case let more = pipe.fileHandleForReading.availableData, !more.isEmpty {
            said += String(decoding: more, as: UTF8.self)
            if let port = said.firstMatch(of: /listens on .*, port (\d+)\n/) {
                self.port = Int(port.1)!
                return
            }
        }
        throw Unstarted(description: said)
    }

    struct Unstarted: Error, CustomStringConvertible { let description: String }

    func kill(_ signal: Int32 = SIGKILL) {
        Glibc.kill(process.processIdentifier, signal)
        process.waitUntilExit()
    }

    func end() {
        if process.isRunning { kill() }
        try? FileManager.default.removeItem(at: folder)
    }

    /// The answer to a request.
    func post(
        _ body: [UInt8], path: String = "/add-checkpoint"
    ) async throws -> (status: Int, type: String, body: String) {
        var request = URLRequest(url: URL(string: url + path)!)
        request.httpMethod = "POST"
        request.httpBody = Data(body)
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = response as! HTTPURLResponse
        return (
            http.statusCode, http.value(forHTTPHeaderField: "content-type") ?? "", String(decoding: data, as: UTF8.self)
        )
    }
}
