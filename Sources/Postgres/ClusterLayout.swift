import Crypto
import Foundation

/// Where the files of a private cluster lie.
///
/// `root` holds what the caller owns: the lock, the configuration, written anew at each start; and the folders that
/// the server's user owns: `data`, `log` and, where its path is short enough, `socket`.
struct ClusterLayout: Sendable {
    /// The folder as the caller named it, absolute.
    let directory: String
    /// The same after symbolic links.
    let root: String

    /// Where clusters lie that the server's user could not reach in the folder asked for, as below root's home.
    static let fallbackParent = "/var/lib/longview"

    init(directory: String) {
        self.directory = directory
        if let resolved = realpath(directory, nil) {
            root = String(cString: resolved)
            free(resolved)
        } else if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: directory) {
            // The link is there, what it points to is not: it is made again in the same place.
            root = target
        } else {
            root = directory
        }
    }

    var data: String { "\(root)/data" }
    /// Where a data folder is made; it becomes `data` when it is whole.
    var staging: String { "\(root)/data.creating" }
    var log: String { "\(root)/log" }
    var logFile: String { "\(log)/server.log" }
    var lockFile: String { "\(root)/cluster.lock" }
    var configuration: String { "\(root)/longview.conf" }
    var hostBasedAuthentication: String { "\(root)/pg_hba.conf" }
    var identityMap: String { "\(root)/pg_ident.conf" }

    static let port = 5432
    private static let socketName = ".s.PGSQL.\(port)"

    /// The folder of the server's Unix socket: `root/socket`, unless that path is too long for a socket's address or
    /// holds characters that are separators to the server; then one below `/run` or `/tmp` named after the path.
    func socketDirectory(_ account: ServerAccount) -> String {
        let own = "\(root)/socket"
        // sockaddr_un.sun_path holds 108 bytes with the closing zero (unix(7)).
        let fits = own.utf8.count + 1 + Self.socketName.utf8.count <= 107
        if fits, own.wholeMatch(of: /[A-Za-z0-9\/._+@=-]+/) != nil { return own }
        let parent = geteuid() == 0 && FileStatus("/run")?.isDirectory == true ? "/run" : "/tmp"
        return "\(parent)/longview-\(account.userID)-\(Self.digest(root))"
    }

    func socket(_ account: ServerAccount) -> String { "\(socketDirectory(account))/\(Self.socketName)" }

    /// The fallback for `directory`.
    var fallback: String { "\(Self.fallbackParent)/\(Self.digest(directory))" }

    /// The first 16 hexadecimal digits of a path's SHA-256.
    private static func digest(_ path: String) -> String {
        SHA256.hash(data: Array(path.utf8)).prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
