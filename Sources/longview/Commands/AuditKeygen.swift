import ArgumentParser
import Crypto
import Ledger

struct AuditKeygen: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: "Makes a signing key for a log or a witness, and prints its public half.",
        discussion: """
            The file holds the private key in the form of Go's note package, readable by its owner alone. Give the \
            printed verifier key to whoever will verify, by a way that does not pass through this machine.
            """)

    @Option(help: "The log's origin, or the witness's name, for example audit.example.org/longview.")
    var name: String

    @Option(help: "The file to make; one that exists is never replaced.", completion: .file())
    var output: String

    @Flag(help: "A witness's key, which cosigns; the default is a log's.")
    var witness = false

    func run() throws {
        let signer = try NoteSigner(
            name: name, algorithm: witness ? .cosignatureV1 : .ed25519, key: Curve25519.Signing.PrivateKey())
        try KeyFile(path: output).create(signer)
        Console.out(signer.verifier.description)
    }
}
