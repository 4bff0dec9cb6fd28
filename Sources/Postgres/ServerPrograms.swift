import Foundation

/// An installed PostgreSQL server: the folder of `initdb`, `pg_ctl` and `postgres`.
struct ServerPrograms: Sendable {
    let directory: String
    let major: Int

    static let oldestMajor = 13

    /// The programs for a data folder of the major version `major`, or the newest where there is no data yet.
    static func find(major: Int?) throws -> ServerPrograms {
        let installed = installed()
        guard let newest = installed.max(by: { $0.major < $1.major }) else {
            throw PrivateClusterError(
                .notInstalled,
                "no PostgreSQL server of version \(oldestMajor) or later was found in /usr/lib/postgresql, /usr/pgsql-* "
                    + "or PATH; install postgresql (apt-get install postgresql)")
        }
        guard let major else { return newest }
        guard let match = installed.first(where: { $0.major == major }) else {
            let found = Set(installed.map(\.major)).sorted().map(String.init).joined(separator: ", ")
            throw PrivateClusterError(
                .versionMismatch,
                "the cluster's data are of PostgreSQL \(major), but installed is \(found); "
                    + "install postgresql-\(major), or upgrade the data with pg_upgrade")
        }
        return match
    }

    /// Debian's and Red Hat's folders, then those of PATH.
    private static func installed() -> [ServerPrograms] {
        let manager = FileManager.default
        let debian = ((try? manager.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? [])
            .map { (folder: "/usr/lib/postgresql/\($0)/bin", version: Int($0)) }
        let redHat = ((try? manager.contentsOfDirectory(atPath: "/usr")) ?? []).filter { $0.hasPrefix("pgsql-") }
            .map { (folder: "/usr/\($0)/bin", version: Int($0.dropFirst("pgsql-".count))) }
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
            .map { (folder: $0, version: Int?.none) }
        return (debian + redHat + path).compactMap { folder, version in
            guard folder.hasPrefix("/"),
                ["initdb", "pg_ctl", "postgres"].allSatisfy({ manager.isExecutableFile(atPath: "\(folder)/\($0)") }),
                let major = version ?? reportedMajor(folder), major >= oldestMajor
            else { return nil }
            return ServerPrograms(directory: folder, major: major)
        }
    }

    /// The 15 of "pg_ctl (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)".
    private static func reportedMajor(_ folder: String) -> Int? {
        guard let run = try? ServerProcess.run("\(folder)/pg_ctl", ["--version"], as: nil, in: "/"),
            let match = run.output.firstMatch(of: /\(PostgreSQL\) ([0-9]+)/)
        else { return nil }
        return Int(match.1)
    }
}
