import Foundation
import Ledger
import TestSupport
import Testing

@Suite("A bundle, from the command line and without Longview")
struct AuditVerifyTests {
    private let program = ExternalProgram(path: Products.program("longview").path)

    /// A bundle of a log of `count` entries.
    private func bundle(_ count: Int, in folder: URL, first: Int = 0) throws -> String {
        var entries: [[UInt8]] = []
        for number in first..<first + count { entries.append(Array("{\"number\":\(number)}".utf8)) }
        let log = ServedLog(size: count, first: first)
        let path = folder.appendingPathComponent("bundle-\(first)-\(count)").path
        let keys = [ServedLog.signer.verifier]
        var writer = try BundleWriter(
            folder: path, checkpoint: log.note(at: count),
            policy: CheckpointPolicy(origin: keys[0].name, logKeys: keys), initialKeys: keys, formats: [.ndjson],
            withProofs: true)
        for (index, entry) in entries.enumerated() { try writer.append(entry, isSelected: index % 50 == 0) }
        _ = try writer.finish()
        return path
    }

    private func tamper(_ path: String, _ change: (inout Data) -> Void) throws {
        let file = URL(fileURLWithPath: path)
        var data = try Data(contentsOf: file)
        change(&data)
        try data.write(to: file)
    }

    @Test("audit verify ends with 0 for a good bundle, 3 for a tampered one, 1 for none, 64 without a key")
    func command() throws {
        let folder = try ServedLog.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = try bundle(300, in: folder)
        let key = ServedLog.signer.verifier.description
        let good = try program.run(["audit", "verify", path, "--key", key, "--json"])
        #expect(good.status == 0, "\(good.output)")
        let object = try #require(JSONSerialization.jsonObject(with: Data(good.output.utf8)) as? [String: Any])
        #expect(object["ok"] as? Bool == true)
        #expect(object["tree_size"] as? Int == 300)
        #expect(object["entries"] as? Int == 300)
        #expect(object["proofs"] as? Int == 6)
        #expect(try program.run(["audit", "verify", path]).status == 64)
        #expect(try program.run(["audit", "verify", path + "-none", "--key", key]).status != 0)

        // A checkpoint that was kept, of another history and of this one.
        let kept = folder.appendingPathComponent("kept")
        try Data(ServedLog(size: 100).note(at: 100).bytes).write(to: kept)
        #expect(try program.run(["audit", "verify", path, "--key", key, "--checkpoint", kept.path]).status == 0)
        try Data(ServedLog(size: 100, first: 1).note(at: 100).bytes).write(to: kept)
        let rewritten = try program.run(["audit", "verify", path, "--key", key, "--checkpoint", kept.path])
        #expect(rewritten.status == 3)
        #expect(rewritten.output.contains("history_rewritten at 100"))

        // A policy that asks for a witness, which has not cosigned.
        let policy = folder.appendingPathComponent("policy")
        try "log \(key)\nwitness w \(ServedLog.witness(1).verifier)\nquorum w\n"
            .write(to: policy, atomically: false, encoding: .utf8)
        #expect(try program.run(["audit", "verify", path, "--policy", policy.path]).status == 3)

        try tamper(path + "/tile/entries/000") { $0[12] ^= 1 }
        let bad = try program.run(["audit", "verify", path, "--key", key])
        #expect(bad.status == 3)
        #expect(bad.output.contains("NOT as it should be"))
        #expect(bad.output.contains("entry_moved at 0"))
    }

    @Test("audit keygen makes a key for its owner alone, prints its public half, and never replaces one")
    func keygen() throws {
        let folder = try ServedLog.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        for arguments in [[], ["--witness"]] {
            let file = folder.appendingPathComponent("key\(arguments.count)").path
            let run = try program.run(["audit", "keygen", "--name", "a.example/log", "--output", file] + arguments)
            #expect(run.status == 0, "\(run.output)")
            let signer = try KeyFile(path: file).load()
            #expect(run.output == signer.verifier.description + "\n")
            #expect(signer.verifier.algorithm == (arguments.isEmpty ? .ed25519 : .cosignatureV1))
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let again = try program.run(["audit", "keygen", "--name", "a.example/log", "--output", file])
            #expect(again.status == 1)
            #expect(try KeyFile(path: file).load().verifier == signer.verifier)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
            #expect(throws: LedgerError.self) { try KeyFile(path: file).load() }
        }
    }

    @Test(
        "the program that docs/audit.md prints accepts a good bundle and refuses a tampered one",
        .enabled(
            if: PythonPackages.interpreter(importing: "cryptography") != nil, "needs Python with cryptography"))
    func withoutLongview() throws {
        let folder = try ServedLog.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = try String(contentsOf: Repository.root.appendingPathComponent("docs/audit.md"), encoding: .utf8)
        let section = try #require(text.split(separator: "<a id=\"verify-without-longview\"></a>").last)
        let code = try #require(section.firstMatch(of: /```python\n([\s\S]*?)```/)).1
        let script = folder.appendingPathComponent("verify.py")
        try String(code).write(to: script, atomically: false, encoding: .utf8)
        let python = try #require(PythonPackages.interpreter(importing: "cryptography"))
        let key = ServedLog.signer.verifier.description
        func run(_ arguments: String...) throws -> ExternalProgram.Run { try python.run([script.path] + arguments) }

        for count in [0, 1, 256, 600] {
            let path = try bundle(count, in: folder)
            let good = try run(path, key)
            #expect(good.status == 0, "\(good.output)")
            #expect(good.output.hasPrefix("\(count) entries of log.example/longview have the signed root "))
        }
        let path = folder.appendingPathComponent("bundle-0-600").path
        let log = ServedLog(size: 300)
        let root = try Checkpoint(text: log.note(at: 300).text).root.base64
        #expect(try run(path, key, "300", root).status == 0)
        #expect(try run(path, key, "300", MerkleTree.emptyRoot.base64).output.contains("history is not the one"))
        #expect(try run(path, key, "601", root).status != 0)
        let other = ServedLog.key(ServedLog.signer.verifier.name, .ed25519, seed: 9)
        #expect(try run(path, other.verifier.description).output.contains("not signed by that key"))
        for (name, position) in [("checkpoint", 25), ("tile/entries/000", 12), ("tile/entries/002.p/88", 40)] {
            try tamper(path + "/" + name) { $0[position] ^= 1 }
            #expect(try run(path, key).status != 0, "\(name)")
            try tamper(path + "/" + name) { $0[position] ^= 1 }
        }
        try FileManager.default.removeItem(atPath: path + "/tile/entries/001")
        #expect(try run(path, key).status != 0)
    }
}
