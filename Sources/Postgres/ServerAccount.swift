import Foundation

/// The operating system's user that runs the server's processes: PostgreSQL refuses to run as root.
struct ServerAccount: Sendable, Equatable {
    let userID: uid_t
    let groupID: gid_t
    let name: String

    /// The user of this process.
    static func current() throws -> ServerAccount {
        guard let account = ServerAccount(userID: geteuid()) else {
            throw PrivateClusterError(
                .failed,
                "user ID \(geteuid()) has no name on this machine, which PostgreSQL needs to know who connects; "
                    + "add it to /etc/passwd")
        }
        return account
    }

    /// The user for a cluster whose data lie, or will lie, in the folder `data`: its owner; for a new one this
    /// process's user, or `postgres` where that is root.
    static func server(data: String) throws -> ServerAccount {
        let current = try current()
        if let owner = FileStatus(data)?.owner {
            guard let account = ServerAccount(userID: owner), owner != 0 else {
                throw PrivateClusterError(
                    .unusableFolder,
                    "\(data) belongs to user ID \(owner), which can't run a server; give it to postgres")
            }
            guard current.userID == 0 || owner == current.userID else {
                throw PrivateClusterError(
                    .unusableFolder,
                    "\(data) belongs to the user \(account.name); run this as \(account.name) or as root")
            }
            return account
        }
        guard current.userID == 0 else { return current }
        guard let entry = getpwnam("postgres") else {
            throw PrivateClusterError(
                .notInstalled,
                "there is no user postgres to run the database server as; install PostgreSQL "
                    + "(apt-get install postgresql)")
        }
        return ServerAccount(entry.pointee)
    }

    private init?(userID: uid_t) {
        guard let entry = getpwuid(userID) else { return nil }
        self.init(entry.pointee)
    }

    private init(_ entry: passwd) {
        userID = entry.pw_uid
        groupID = entry.pw_gid
        name = String(cString: entry.pw_name)
    }

    /// The first folder on the way to `path` that this user may not pass through; nil where it may pass all.
    func obstacle(to path: String) -> String? {
        var folder = ""
        for component in path.split(separator: "/") {
            folder += "/" + component
            guard let status = FileStatus(folder) else { return nil }
            let bit: mode_t =
                status.owner == userID ? S_IXUSR : status.group == groupID ? S_IXGRP : S_IXOTH
            if status.mode & bit == 0 { return folder }
        }
        return nil
    }
}

/// What `stat` says of a file or folder.
struct FileStatus {
    let owner: uid_t
    let group: gid_t
    let mode: mode_t

    /// Nil where there is nothing at `path`, or nothing this process may see. `followingLinks` is the difference
    /// between `stat` and `lstat`.
    init?(_ path: String, followingLinks: Bool = true) {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        owner = status.st_uid
        group = status.st_gid
        mode = status.st_mode
    }

    var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }
    var permissions: mode_t { mode & 0o7777 }
}
