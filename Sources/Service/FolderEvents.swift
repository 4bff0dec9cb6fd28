import Foundation
import Glibc

/// Files and folders that the kernel says something about, from inotify(7).
///
/// A hint: events can be lost when many come at once, and file systems on other machines send none. What counts is
/// the sweep.
final class FolderEvents: @unchecked Sendable {
    /// What happened in a watched folder.
    enum Event: Sendable {
        /// A file was closed by who wrote it, or moved in.
        case file(URL)
        /// A folder appeared: what was put into it before it was watched must be looked for.
        case folder(URL)
        /// Events were lost, or a watched folder is gone.
        case lost
    }

    private let descriptor: Int32
    private let lock = NSLock()
    /// Protected by `lock`.
    private var folders: [Int32: URL] = [:]
    private let source: any DispatchSourceRead
    /// Ends when the kernel's events do.
    let events: AsyncStream<Event>

    init() throws {
        let created = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard created >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        descriptor = created
        let (stream, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(10_000))
        events = stream
        source = DispatchSource.makeReadSource(fileDescriptor: created, queue: DispatchQueue(label: "longview.inotify"))
        source.setEventHandler { [weak self] in
            for event in self?.read() ?? [] {
                if case .dropped = continuation.yield(event) { continuation.yield(.lost) }
            }
        }
        source.setCancelHandler {
            continuation.finish()
            close(created)
        }
        source.resume()
    }

    deinit { source.cancel() }

    /// Ends the events.
    func stop() { source.cancel() }

    /// Watches `folder`, not what is below it. Watching it again changes nothing.
    func watch(_ folder: URL) {
        let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
        let watch = inotify_add_watch(descriptor, folder.path, mask)
        guard watch >= 0 else { return }
        lock.withLock { folders[watch] = folder }
    }

    private func read() -> [Event] {
        var events: [Event] = []
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: MemoryLayout<inotify_event>.alignment) { buffer in
            while case let count = Glibc.read(descriptor, buffer.baseAddress!, buffer.count), count > 0 {
                var offset = 0
                while offset < count {
                    let header = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let start = offset + MemoryLayout<inotify_event>.size
                    let name = buffer[start..<start + Int(header.len)].prefix { $0 != 0 }
                    offset = start + Int(header.len)
                    if let event = event(header, name: String(decoding: name, as: UTF8.self)) { events.append(event) }
                }
            }
        }
        return events
    }

    private func event(_ header: inotify_event, name: String) -> Event? {
        let mask = Int32(bitPattern: header.mask)
        if mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF) != 0 { return .lost }
        guard let folder = lock.withLock({ folders[header.wd] }), !name.isEmpty else { return nil }
        let location = folder.appendingPathComponent(name)
        if mask & IN_ISDIR != 0 { return mask & (IN_CREATE | IN_MOVED_TO) != 0 ? .folder(location) : nil }
        return mask & (IN_CLOSE_WRITE | IN_MOVED_TO) != 0 ? .file(location) : nil
    }
}
