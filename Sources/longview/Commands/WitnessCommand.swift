import ArgumentParser
import Foundation
import Ledger
import Logging
import Service
import ServiceLifecycle

struct WitnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witness", abstract: "Cosigns the checkpoints of logs that only ever grow (C2SP tlog-witness).",
        discussion: """
            Run it on a machine that whoever runs the log can't reach, with a key of its own: longview audit keygen \
            --witness. It answers POST /add-checkpoint. The state must be kept: a witness that forgets can be lied to.
            """)

    @Option(help: "The file with the witness's private key.", completion: .file())
    var key: String

    @Option(help: "The file in which it remembers what it has cosigned; made where there is none.", completion: .file())
    var state: String

    @Option(name: .customLong("log"), help: "A verifier key of a log to witness; may be repeated.")
    var logs: [String]

    @Option(help: "HOST:PORT to listen on; port 0 takes a free one.")
    var listen: String

    func validate() throws {
        if logs.isEmpty { throw ValidationError("name at least one log's key with --log") }
    }

    func run() async throws {
        let parts = listen.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 2, let port = UInt16(parts[parts.count - 1]) else {
            throw ValidationError("--listen takes HOST:PORT")
        }
        let host = parts.dropLast().joined(separator: ":").trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        let verifiers = try logs.map { try NoteVerifier($0) }
        guard verifiers.allSatisfy({ $0.algorithm == .ed25519 }) else {
            throw Failure("--log takes keys of logs (type 1), not of witnesses")
        }
        let signer = try KeyFile(path: key).load()
        let witness = try Witness(signer: signer, logs: Dictionary(grouping: verifiers, by: \.name))
        if !FileManager.default.fileExists(atPath: state) {
            Console.note("\(state) is not there: the witness begins without memory")
        }
        let server = WitnessServer(
            state: try WitnessState(path: state, witness: witness), host: host, port: Int(port), logger: Program.logger
        ) { port in
            Console.note("\(signer.verifier) listens on \(host), port \(port)")
        }
        let group = ServiceGroup(
            configuration: .init(
                services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: Program.logger))
        try await group.run()
    }
}
