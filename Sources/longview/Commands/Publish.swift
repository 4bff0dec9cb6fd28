import ArgumentParser
import Foundation
import Ledger
import Service
import ServiceLifecycle
import Store

struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give the ledger's entries their places, and publish signed checkpoints.",
        discussion: """
            Compares the ledger with the checkpoint kept outside the database (LONGVIEW_CHECKPOINT; default \
            ledger/checkpoint in LONGVIEW_HOME) before it signs. Witnesses: LONGVIEW_WITNESSES (URL=VERIFIER-KEY, parted \
            by blanks) and LONGVIEW_WITNESS_POLICY (C2SP tlog-policy). Audit repository (IHE ATNA, syslog over TLS): \
            --atna HOST:PORT. Exit status 3 where the ledger is not what was published.
            """)

    @Flag(help: "Once, and end; the default is to go on until told to stop.")
    var once = false

    @Option(help: "Seconds between two checkpoints, where there is news.")
    var interval = 1.0

    @Option(help: "Deliver the trail to this audit repository, as HOST:PORT (6514).")
    var atna: String?

    @Option(
        name: .customLong("atna-ca"), help: "The authorities its certificate may come from (PEM).", completion: .file())
    var authorities: String?

    func validate() throws {
        if interval <= 0 { throw ValidationError("--interval must be more than 0") }
    }

    func run() async throws {
        let settings = Settings()
        let store = try await settings.openStore(as: .service)
        let publisher = try await LedgerSettings(settings).publisher(store)
        if once {
            try await LedgerSequencer(store).drain()
            switch try await publisher.publish() {
            case .published(let size): Console.out("published  \(size) entries")
            case .unchanged(let size): Console.out("unchanged  \(size) entries")
            }
            return await store.close()
        }
        var services: [any ServiceLifecycle.Service] = [
            LedgerService(store, publisher: publisher, interval: .seconds(interval), logger: Program.logger)
        ]
        if let atna {
            let parts = atna.split(separator: ":")
            guard let host = parts.first, let port = parts.count == 1 ? 6514 : Int(parts[1]) else {
                throw ValidationError("--atna takes HOST:PORT")
            }
            let sender = try SyslogSender(
                .init(host: String(host), port: port, trustedCertificates: authorities), logger: Program.logger)
            services.append(AuditForwarder(store, sender: sender, destination: atna, logger: Program.logger))
        }
        try await store.run("publisher", services, logger: Program.logger)
    }
}
