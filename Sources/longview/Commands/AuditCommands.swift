import ArgumentParser

/// The audit trail.
struct AuditCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The audit trail: who did what, and the proof of it.",
        subcommands: [
            AuditLog.self, AuditWhoViewed.self, AuditStatus.self, AuditExport.self, AuditVerify.self, AuditKeygen.self,
            AuditRotateKey.self,
        ])
}
