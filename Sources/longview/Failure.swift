import ArgumentParser
import Foundation
import Inference
import Postgres
import Store

/// An error this layer found, and the exit status that goes with it.
struct Failure: Error, CustomStringConvertible {
    let description: String
    let status: ExitCode

    init(_ description: String, status: ExitCode = .failure) {
        self.description = description
        self.status = status
    }

    /// Ends the program: the error on standard error, in a sentence, and its exit status.
    static func exit(with error: any Error) -> Never {
        switch error {
        case let failure as Failure:
            Console.note("longview: \(failure.description)")
            Foundation.exit(failure.status.rawValue)
        case let error as PostgresError:
            Console.note("longview: \(error)")
            Foundation.exit((error.code == .permissionDenied ? ExitCode.notPermitted : .failure).rawValue)
        case let error as InferenceError where error.isMismatch:
            Console.note("longview: \(error)")
            Foundation.exit(ExitCode.mismatch.rawValue)
        case let error as StoreError where error.code == .denied:
            Console.note("longview: \(error)")
            Foundation.exit(ExitCode.notPermitted.rawValue)
        case let error as StoreError where error.code == .ledgerAlarm:
            Console.note("longview: \(error)")
            Foundation.exit(ExitCode.mismatch.rawValue)
        case is ExitCode, is CleanExit, is ValidationError:
            Longview.exit(withError: error)
        default:
            // The parser's own errors carry usage text and status 64 (or 0, for --help and --version).
            if Longview.exitCode(for: error) != .failure { Longview.exit(withError: error) }
            Console.note("longview: \(error)")
            Foundation.exit(ExitCode.failure.rawValue)
        }
    }
}

extension ExitCode {
    /// Done, but some objects were refused or failed.
    static let partial = ExitCode(2)
    /// Verification found tampering or a mismatch.
    static let mismatch = ExitCode(3)
    static let notPermitted = ExitCode(4)
}

extension InferenceError {
    /// Whether a package is not what it says it is.
    var isMismatch: Bool { code == .alteredWeights || code == .goldenMismatch }
}
