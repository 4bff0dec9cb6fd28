import ArgumentParser

/// The audit trail.
struct AuditCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The audit trail: verify an export, make signing keys.",
        subcommands: [AuditVerify.self, AuditKeygen.self])
}
