import ArgumentParser
import Foundation
import Service
import Store

struct EraseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase", abstract: "Destroy what is kept of a patient; the ledger stays whole.",
        discussion: """
            Objects, pictures, scores and what leads from the ledger's entries to the patient are destroyed, for good. The \
            erasure is itself an entry. Run it as the owner of the tables. Backups made before still hold the data.
            """)

    @Option(help: "The patient ID.")
    var patient: String

    @Option(help: "Its issuer; the default is every issuer that is known.")
    var issuer: String?

    @Option(help: "Why, as a code or in words without personal data: it is recorded.")
    var reason: String

    @Flag(help: "Do it. Without this it is only said what would be done.")
    var yes = false

    func run() async throws {
        let settings = Settings()
        guard yes else {
            throw Failure("nothing was erased; an erasure can't be undone. Repeat the command with --yes")
        }
        let configuration = try await settings.openDatabase(user: "longview_owner")
        let erasure = Erasure(configuration, recorder: settings.recorder(.person), logger: Program.logger)
        let (identities, objects) = try await erasure.erase(patientID: patient, issuer: issuer, reason: reason)
        guard identities > 0 else { throw Failure("nothing is known of such a patient") }
        // Their bytes, where they lie on this machine; a file that is there and can't be removed is named.
        for object in objects {
            let file = settings.objects.location(of: object)
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            do {
                try FileManager.default.removeItem(at: file)
            } catch {
                Console.note("\(file.path) can't be removed; remove it by hand: the records of it are erased")
            }
        }
        Console.out("erased  \(objects.count) objects")
        let store = try await settings.openStore()
        try await LedgerSettings(settings).settle(store)
        await store.close()
    }
}
