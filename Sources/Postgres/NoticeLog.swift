import CLibpq
import Logging

/// Takes the server's notices to the log, without DETAIL, which may hold values.
final class NoticeLog {
    private let logger: Logger

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// Receives the notices of `connection` from now on. The caller keeps this object for as long as the connection.
    func attach(to connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue().log(ServerMessage(result))
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func log(_ notice: ServerMessage) {
        let level: Logger.Level =
            switch notice.severity {
            // The farewell of a server that ends an idle session is FATAL.
            case "WARNING", "ERROR", "FATAL", "PANIC": .warning
            case "NOTICE": .notice
            case "INFO": .info
            default: .debug
            }
        var metadata: Logger.Metadata = [:]
        if let state = notice.sqlState { metadata["sqlstate"] = .string(state) }
        logger.log(level: level, "\(notice.primary)", metadata: metadata)
    }
}
