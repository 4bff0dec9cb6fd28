import ArgumentParser
import DICOM
import Foundation

/// Storage SCU, for tests and for re-sending.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send DICOM files to another application, as they are.",
        discussion: """
            Folders are searched through; hidden files are left out. Each file is sent in its own transfer syntax, all \
            in one association. Without PATH, C-ECHO asks whether the application is there.
            """)

    @Argument(help: "Files and folders.", completion: .file())
    var paths: [String] = []

    @Option(help: "Where the application listens.", transform: Self.endpoint)
    var to: Endpoint

    // The names that DCMTK's programs have made usual.
    @Option(name: .customLong("aet"), help: "The AE title to call as.")
    var callingTitle: String

    @Option(name: .customLong("aec"), help: "The AE title to call.")
    var calledTitle = "ANY-SCP"

    @Flag(help: "Use TLS.")
    var tls = false

    @Option(help: "PEM file: the authorities that vouch for the other side; the system's are not used.")
    var tlsAuthorities: String?

    @Option(help: "PEM file: this side's certificate, and those between it and the root.")
    var tlsCertificate: String?

    @Option(help: "PEM file: the private key of the certificate.")
    var tlsKey: String?

    @Flag(help: "One JSON object a line.")
    var json = false

    struct Endpoint { var host: String; var port: UInt16 }

    func validate() throws {
        if (tlsCertificate == nil) != (tlsKey == nil) {
            throw ValidationError("--tls-certificate and --tls-key go together")
        }
        if tls, tlsAuthorities == nil { throw ValidationError("--tls needs --tls-authorities") }
        if !tls, tlsAuthorities != nil || tlsCertificate != nil {
            throw ValidationError("certificates are for --tls")
        }
    }

    func run() async throws {
        let client: StorageClient
        do {
            client = try StorageClient(clientConfiguration)
        } catch {
            throw Failure(error.description)
        }
        let (files, missing) = FileList.files(in: paths)
        for path in missing { Console.note("\(path): there is no such file or folder") }
        do {
            guard !paths.isEmpty else { return try await echo(client) }
            guard !files.isEmpty else {
                throw Failure(missing.isEmpty ? "there is no file in the folders given" : "nothing was sent")
            }
            let report = SendReport(isJSON: json)
            let results = try await client.send(files) { report.add($0) }
            let stored = results.count { $0.status?.isStored == true }
            if stored == 0 { throw ExitCode.failure }
            if stored < results.count || !missing.isEmpty { throw ExitCode.partial }
        } catch let error as AssociationError {
            throw Failure("\(to.host):\(to.port): \(error)")
        }
    }

    private var clientConfiguration: StorageClient.Configuration {
        var configuration = StorageClient.Configuration(
            host: to.host, port: to.port, callingTitle: callingTitle, calledTitle: calledTitle)
        if tls {
            configuration.tls = TLSConfiguration(
                certificate: tlsCertificate, privateKey: tlsKey, trustedAuthorities: tlsAuthorities)
        }
        return configuration
    }

    private func echo(_ client: StorageClient) async throws {
        let status = try await client.echo()
        if json {
            Console.out(try JSONLine.text(["dicom_status": status.description]))
        } else {
            Console.out("\(to.host):\(to.port) answers: \(status)")
        }
        if status != .success { throw ExitCode.failure }
    }

    private static func endpoint(_ argument: String) throws -> Endpoint {
        guard let colon = argument.lastIndex(of: ":"), colon != argument.startIndex,
            let port = UInt16(argument[argument.index(after: colon)...]), port > 0
        else { throw ValidationError("--to is HOST:PORT, as in pacs.example:11112") }
        return Endpoint(host: String(argument[..<colon]), port: port)
    }
}

/// One line for each file that was sent, or was not.
struct SendReport: Sendable {
    let isJSON: Bool

    private struct Entry: Encodable {
        var file, status: String
        var dicom_status, sop_instance_uid, transfer_syntax, message: String?
    }

    func add(_ result: StorageClient.Result) {
        let outcome = result.status.map { $0.isStored ? "sent" : "refused" } ?? "failed"
        if isJSON {
            let entry = Entry(
                file: result.path, status: outcome, dicom_status: result.status?.description,
                sop_instance_uid: result.sopInstanceUID, transfer_syntax: result.transferSyntaxUID,
                message: result.message)
            if let line = try? JSONLine.text(entry) { Console.out(line) }
        } else {
            let details = [result.status?.description, result.message].compactMap { $0 }.joined(separator: " ")
            Console.out("\(outcome.padding(to: 8)) \(result.path.printable)  \(details.printable)")
        }
    }
}
