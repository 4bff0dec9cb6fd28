import Foundation

extension PrivateCluster {
    /// Whether there is a cluster and it runs.
    public func status() -> Status {
        let layout = layout
        guard FileManager.default.fileExists(atPath: "\(layout.data)/PG_VERSION") else { return .absent }
        guard let server = serverProcess(layout) else { return .stopped }
        return .running(server.id)
    }

    /// The server's process ID and whether it takes connections; nil where it does not run.
    func serverProcess(_ layout: ClusterLayout) -> (id: Int32, isReady: Bool)? {
        // Lines of postmaster.pid: 1 the process ID, 8 the state (src/include/utils/pidfile.h).
        guard let text = try? String(contentsOfFile: "\(layout.data)/postmaster.pid", encoding: .utf8) else {
            return nil
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, let id = Int32(first), id > 0 else { return nil }
        // The file outlives a crash, and its number may by now be another process's: that one has not our socket.
        guard kill(id, 0) == 0 || errno == EPERM, let account = try? ServerAccount.server(data: layout.data),
            Self.acceptsConnections(layout.socket(account))
        else { return nil }
        return (id, lines.count > 7 && lines[7].hasPrefix("ready"))
    }

    /// Whether a process listens at a Unix socket.
    private static func acceptsConnections(_ path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
