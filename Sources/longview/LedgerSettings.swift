import Crypto
import Foundation
import Ledger
import Postgres
import Service
import Store

/// Where the ledger's key and outside checkpoint lie, and who cosigns.
struct LedgerSettings {
    private let settings: Settings

    init(_ settings: Settings) {
        self.settings = settings
    }

    private func path(_ name: String, otherwise: String) -> String {
        settings.environment[name].flatMap { $0.isEmpty ? nil : $0 }
            ?? settings.home.appendingPathComponent(otherwise).path
    }

    /// The log's private key: `LONGVIEW_LEDGER_KEY`.
    var keyPath: String { path("LONGVIEW_LEDGER_KEY", otherwise: "keys/ledger.key") }

    /// The newest checkpoint, outside the database: `LONGVIEW_CHECKPOINT`.
    var checkpoint: CheckpointFile {
        CheckpointFile(URL(fileURLWithPath: path("LONGVIEW_CHECKPOINT", otherwise: "ledger/checkpoint")))
    }

    /// Which witnesses are asked, and how many must cosign: the C2SP tlog-policy file `LONGVIEW_WITNESS_POLICY`; nil
    /// where none is named.
    func witnessPolicy() throws -> CheckpointPolicy? {
        guard let path = settings.environment["LONGVIEW_WITNESS_POLICY"], !path.isEmpty else { return nil }
        return try CheckpointPolicy(text: String(contentsOfFile: path, encoding: .utf8))
    }

    /// The witnesses' addresses: `LONGVIEW_WITNESSES`, as URL=VERIFIER-KEY, parted by blanks.
    func witnesses() throws -> [WitnessClient.Endpoint] {
        try (settings.environment["LONGVIEW_WITNESSES"] ?? "").split(separator: " ").map { text in
            guard let mark = text.firstIndex(of: "=") else {
                throw Failure("LONGVIEW_WITNESSES must hold URL=VERIFIER-KEY, parted by blanks")
            }
            return WitnessClient.Endpoint(
                url: String(text[..<mark]), key: try NoteVerifier(String(text[text.index(after: mark)...])))
        }
    }

    /// The key that signs. The private database gets one when it first needs it; for others `longview audit keygen` makes
    /// it, so that whoever runs them decides where it lies.
    func signer() throws -> NoteSigner {
        if !FileManager.default.fileExists(atPath: keyPath) {
            guard try settings.namedDatabase() == nil else {
                throw Failure(
                    "there is no signing key at \(keyPath); make one with `longview audit keygen --name ORIGIN --output "
                        + "\(keyPath)`, or name it in LONGVIEW_LEDGER_KEY")
            }
            try FileManager.default.createDirectory(
                at: URL(fileURLWithPath: keyPath).deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let random = UUID().uuidString.lowercased().prefix(8)
            try KeyFile(path: keyPath).create(
                NoteSigner(name: "longview.local/\(Program.host)-\(random)", algorithm: .ed25519, key: .init()))
        }
        return try KeyFile(path: keyPath).load()
    }

    /// What publishes the ledger of `store`; introduces the key where the ledger has none yet.
    func publisher(_ store: Store) async throws -> LedgerPublisher {
        let signer = try signer()
        if try await store.keyHistory().keys.isEmpty {
            try await store.introduce(signer.verifier, reason: "first key")
            try await LedgerSequencer(store).drain()
        }
        var cosigner: LedgerPublisher.Cosigner?
        let endpoints = try witnesses()
        let named = try witnessPolicy()
        if !endpoints.isEmpty || named != nil {
            let policy =
                try named
                ?? CheckpointPolicy(
                    origin: signer.verifier.name, logKeys: [signer.verifier], witnessKeys: endpoints.map(\.key))
            cosigner = WitnessClient(witnesses: endpoints).cosigner(store, policy: policy, logger: Program.logger)
        }
        return LedgerPublisher(store, signer: signer, file: checkpoint, cosign: cosigner)
    }

    /// Gives entries their places and publishes: what a command on the private database does at its end, which no service
    /// looks after.
    func settle(_ store: Store) async throws {
        guard try settings.namedDatabase() == nil else { return }
        try await LedgerSequencer(store).drain()
        try await publisher(store).publish()
    }
}
