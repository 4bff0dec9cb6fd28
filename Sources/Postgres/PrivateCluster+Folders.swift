import Foundation

extension PrivateCluster {
    /// Makes the cluster's folder where the server's user can reach it, and returns the layout that follows.
    func prepareRoot() throws -> ClusterLayout {
        let layout = layout
        let current = try ServerAccount.current()
        let account = try ServerAccount.server(data: layout.data)
        // Others need to pass through only where the server runs as another user than we.
        let mode: mode_t = account == current ? 0o700 : 0o755
        guard account != current, let obstacle = account.obstacle(to: layout.root) else {
            try Self.makeFolders(layout.root, mode: mode)
            return layout
        }
        guard FileStatus(layout.data) == nil else {
            throw PrivateClusterError(
                .unusableFolder,
                "the user \(account.name), who runs the database server, can't pass through \(obstacle) "
                    + "to the cluster in \(layout.root); allow it with chmod o+x \(obstacle)")
        }
        try Self.makeFolders(layout.fallback, mode: mode)
        try Self.makeFolders((layout.directory as NSString).deletingLastPathComponent, mode: 0o700)
        // An empty folder may stand there already; one that holds something is not touched.
        rmdir(layout.directory)
        guard symlink(layout.fallback, layout.directory) == 0 || self.layout.root == layout.fallback else {
            throw PrivateClusterError(
                .unusableFolder,
                "the user \(account.name), who runs the database server, can't pass through \(obstacle), and "
                    + "\(layout.directory) can't be made a link to \(layout.fallback); "
                    + "set LONGVIEW_HOME to a folder that all may pass through")
        }
        return self.layout
    }

    /// Makes the folders that the server's user owns.
    func prepareFolders(_ layout: ClusterLayout, _ account: ServerAccount) throws {
        try Self.makeFolder(layout.log, for: account)
        try Self.makeFolder(layout.socketDirectory(account), for: account)
    }

    /// Makes a folder that only `account` may enter, or checks that it is one: in `/tmp` anybody may have made it.
    static func makeFolder(_ path: String, for account: ServerAccount) throws {
        if mkdir(path, 0o700) == 0 {
            if account.userID != geteuid() { lchown(path, account.userID, account.groupID) }
        } else if errno != EEXIST {
            throw PrivateClusterError(
                .unusableFolder, "the folder \(path) can't be made: \(String(cString: strerror(errno)))")
        }
        guard let status = FileStatus(path, followingLinks: false), status.isDirectory,
            status.owner == account.userID, status.permissions & 0o077 == 0
        else {
            throw PrivateClusterError(
                .unusableFolder, "\(path) is not a folder of the user \(account.name) alone; remove it and try again")
        }
    }

    /// Makes a folder and those above it that are missing.
    private static func makeFolders(_ path: String, mode: mode_t) throws {
        guard FileStatus(path)?.isDirectory != true else { return }
        let parent = (path as NSString).deletingLastPathComponent
        if parent != path { try makeFolders(parent, mode: mode) }
        guard mkdir(path, mode) == 0 else {
            let reason = errno
            // Another process made it first.
            if reason == EEXIST, FileStatus(path)?.isDirectory == true { return }
            throw PrivateClusterError(
                .unusableFolder, "the folder \(path) can't be made: \(String(cString: strerror(reason)))")
        }
        // Whatever the umask says.
        chmod(path, mode)
    }
}
