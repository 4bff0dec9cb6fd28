import Foundation
import Logging

/// Facts about this program and the machine it runs on.
enum Program {
    static let version = "0.1.0"

    /// The machine's name, as recorded with every inference.
    static let host = ProcessInfo.processInfo.hostName

    /// Diagnostics go to standard error, warnings and above; `LOG_LEVEL` asks for more.
    static let logger: Logger = {
        var logger = Logger(label: "longview", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel =
            ProcessInfo.processInfo.environment["LOG_LEVEL"].flatMap { Logger.Level(rawValue: $0) } ?? .warning
        return logger
    }()
}
