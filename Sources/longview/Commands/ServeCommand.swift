import ArgumentParser
import DICOM
import Foundation
import Ledger
import Service
import ServiceLifecycle
import Store

/// Where DICOM applications send to, and who may.
struct ReceiverOptions: ParsableArguments {
    @Option(help: "The DICOM port.")
    var port: UInt16 = 11112

    @Option(name: .customLong("aet"), help: "This application's title; those who call another are rejected.")
    var title = "LONGVIEW"

    @Option(
        name: .customLong("caller"),
        help: "An application that may send, as TITLE or TITLE@ADDRESS; may be repeated. Others are rejected.")
    var callers: [String] = []

    @Flag(help: "Any application may send.")
    var anyCaller = false

    @Option(help: "Associations at once, in all.")
    var associations = 25

    @Option(help: "The certificate for DICOM over TLS (PEM).", completion: .file())
    var tlsCertificate: String?

    @Option(help: "Its private key (PEM).", completion: .file())
    var tlsKey: String?

    @Option(help: "The authorities that callers' certificates must come from (PEM).", completion: .file())
    var tlsAuthorities: String?

    @Option(help: "The port for DICOM over TLS.")
    var tlsPort: UInt16 = 2762

    @Flag(help: "TLS alone: no port without it.")
    var tlsOnly = false

    func validate() throws {
        guard associations > 0 else { throw ValidationError("--associations must be at least 1") }
        guard anyCaller != !callers.isEmpty else {
            throw ValidationError("say who may send: --caller TITLE[@ADDRESS], or --any-caller")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("TLS needs both --tls-certificate and --tls-key")
        }
        if tlsOnly, tlsCertificate == nil { throw ValidationError("--tls-only needs --tls-certificate and --tls-key") }
    }

    var configuration: StorageServer.Configuration {
        var configuration = StorageServer.Configuration()
        configuration.title = title
        configuration.port = tlsOnly ? nil : port
        configuration.callers =
            anyCaller
            ? nil
            : callers.map { text in
                let parts = text.split(separator: "@", maxSplits: 1)
                return StorageServer.Caller(
                    title: String(parts[0]), address: parts.count > 1 ? String(parts[1]) : nil)
            }
        configuration.maximumAssociations = associations
        if let tlsCertificate, let tlsKey {
            configuration.tls = TLSConfiguration(
                certificate: tlsCertificate, privateKey: tlsKey, trustedAuthorities: tlsAuthorities)
            configuration.securePort = tlsPort
        }
        return configuration
    }
}

/// What is answered over HTTP.
struct HTTPOptions: ParsableArguments {
    @Option(name: .customLong("http"), help: "ADDRESS:PORT for health, metrics and STOW-RS; “off” for none.")
    var endpoint = "127.0.0.1:8080"

    @Option(
        name: .customLong("tokens"),
        help: "The file with who may store by STOW-RS: NAME TOKEN, one a line, mode 0600. Without it nobody may.",
        completion: .file())
    var tokens: String?

    func service(_ parts: LongRunning) throws -> HTTPService? {
        guard endpoint != "off" else { return nil }
        guard let colon = endpoint.lastIndex(of: ":"), let port = UInt16(endpoint[endpoint.index(after: colon)...])
        else {
            throw ValidationError("--http takes ADDRESS:PORT, or off")
        }
        var settings = HTTPService.Settings(host: Program.host)
        settings.address = endpoint[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        settings.port = Int(port)
        return HTTPService(
            settings, desk: parts.desk, gate: parts.gate, store: parts.store, decoders: parts.decoders,
            tokens: try tokens.map { try BearerTokens(contentsOf: URL(fileURLWithPath: $0)) }, logger: parts.logger,
            onListening: { port in Console.note("HTTP on port \(port)") })
    }
}

extension LongRunning {
    /// A receiver of what other DICOM applications send.
    func receiver(_ options: ReceiverOptions) -> StorageReceiver {
        StorageReceiver(options.configuration, desk: desk, gate: gate, host: Program.host, logger: logger) { server in
            let ports = [server.port.map { "\($0)" }, server.securePort.map { "\($0) (TLS)" }].compactMap(\.self)
            Console.note("\(options.title) listens on port \(ports.joined(separator: " and "))")
        }
    }
}

struct Receive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Receive DICOM objects and put them in the queue, until told to stop.",
        discussion: "Something that scores must run as well: longview work, or longview serve in place of both.")

    @OptionGroup var receiver: ReceiverOptions

    @OptionGroup var http: HTTPOptions

    func run() async throws {
        let parts = try await LongRunning(Settings())
        var services: [any ServiceLifecycle.Service] = [parts.receiver(receiver)]
        if let http = try http.service(parts) { services.append(http) }
        try await parts.run("receiver", services)
    }
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Receive, score and publish in one process, until told to stop.",
        discussion: """
            What `receive`, `watch`, `work` and `publish` do each alone. SIGTERM and SIGINT end it in order: objects under \
            way are finished and answered, leases are given back, and the ledger is published once more. Decoders must be \
            confined, unless LONGVIEW_REQUIRE_CONFINEMENT is 0.
            """)

    @OptionGroup var receiver: ReceiverOptions

    @OptionGroup var http: HTTPOptions

    @Option(
        name: .customLong("watch"), help: "Take in the files that are put into this folder as well.",
        completion: .directory)
    var watched: String?

    @OptionGroup var worker: WorkerOptions

    func validate() throws {
        // What it receives would lie there until somebody noticed.
        if worker.stage == .score {
            throw ValidationError("--stage score is for longview work: what is received here must be decoded here")
        }
    }

    func run() async throws {
        let settings = Settings()
        let parts = try await LongRunning(settings)
        var services: [any ServiceLifecycle.Service] = [
            // What is stopped first comes last: receivers end before the workers, and those before the ledger.
            LedgerService(
                parts.store, publisher: try await LedgerSettings(settings).publisher(parts.store), logger: parts.logger)
        ]
        services += parts.workers(worker)
        if let watched {
            services.append(
                parts.watcher(
                    FolderWatcher.Settings(folder: URL(fileURLWithPath: watched, isDirectory: true), host: Program.host)
                ))
        }
        services.append(parts.receiver(receiver))
        if let http = try http.service(parts) { services.append(http) }
        try await parts.run("serve", services)
    }
}
