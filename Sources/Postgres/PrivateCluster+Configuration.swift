import Foundation

extension PrivateCluster {
    /// Writes the server's settings and who may connect, anew at each start: the folder may have been moved.
    func writeConfiguration(_ layout: ClusterLayout, _ account: ServerAccount) throws {
        var settings = [
            "listen_addresses": "", "port": "\(ClusterLayout.port)",
            "unix_socket_directories": layout.socketDirectory(account), "unix_socket_permissions": "0700",
            "hba_file": layout.hostBasedAuthentication, "ident_file": layout.identityMap,
            "timezone": "UTC", "log_timezone": "UTC", "log_line_prefix": "%m [%p] ", "log_checkpoints": "off",
            // The log must hold no values: neither parameters nor the DETAIL of errors.
            "log_error_verbosity": "terse", "log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0",
        ]
        settings.merge(self.settings) { $1 }
        let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key) = '\(Self.escaped($0.value))'" }
        try write(
            ["# Written by longview at each start; put your own settings into postgresql.conf or use ALTER SYSTEM."]
                + lines,
            to: layout.configuration)

        let roles = [Self.ownerRole] + Self.workingRoles
        try write(
            ["# TYPE DATABASE USER METHOD"] + roles.map { "local all \($0) peer map=longview" },
            to: layout.hostBasedAuthentication)

        let users = Set([account.name, try ServerAccount.current().name]).sorted()
        try write(
            ["# MAP SYSTEM-USER ROLE"] + users.flatMap { user in roles.map { "longview \"\(user)\" \($0)" } },
            to: layout.identityMap)
    }

    /// A value within single quotes of postgresql.conf (manual, section 20.1.2).
    private static func escaped(_ value: String) -> String {
        value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "''")
    }

    private func write(_ lines: [String], to file: String) throws {
        let text = lines.joined(separator: "\n") + "\n"
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw PrivateClusterError(.unusableFolder, "\(file) can't be written: \(error)", underlying: error)
        }
        // The server's user reads it; it holds no secret.
        chmod(file, 0o644)
    }
}
