import Foundation
import TestSupport
import Testing

extension Installation {
    /// What became of files that were sent.
    struct Sent: Sendable {
        /// Those that were acknowledged.
        var acknowledged: Set<String> = []
        /// The statuses of those that were refused, and how often each was.
        var refusals: [String: Int] = [:]
        /// Those that got no answer.
        var unanswered = 0
    }

    /// Sends files to a port of this machine; `options` are more of `longview send`.
    func send(
        _ paths: [String], to port: UInt16, as title: String = "SENDER", _ options: [String] = []
    ) async throws -> Sent {
        let run = try await run(
            ["send", "--to", "127.0.0.1:\(port)", "--aet", title, "--aec", "LONGVIEW", "--json"] + options + paths)
        var sent = Sent()
        for result in try run.objects {
            switch result["status"] as? String {
            case "sent": sent.acknowledged.insert(try #require(result["file"] as? String))
            case "refused": sent.refusals[try #require(result["dicom_status"] as? String), default: 0] += 1
            default: sent.unanswered += 1
            }
        }
        return sent
    }

    /// The port on which a receiver listens, once it does: for DICOM, or what is said before another.
    func listeningPort(of receiver: Running, after marker: String = "LONGVIEW listens on port ") async throws -> UInt16
    {
        try await wait("it does not listen: \(receiver.errors)") {
            receiver.errors.contains(marker) || !receiver.isRunning
        }
        let start = try #require(receiver.errors.firstRange(of: marker), "\(receiver.errors)")
        return try #require(UInt16(receiver.errors[start.upperBound...].prefix { $0.isNumber }))
    }

    /// Every object sent has one score, and the ledger says so.
    func checkRecords(_ count: Int) async throws {
        let scores = try await run("scores", "--json", "--limit", "10000").objects
        #expect(scores.count == count)
        #expect(Set(scores.compactMap { $0["sop_instance_uid"] as? String }).count == count)
        try await checkLedger()
    }

    /// The ledger is whole, and says what the records say.
    func checkLedger() async throws {
        #expect(try await run("publish", "--once").status == 0)
        let key = try #require(
            try await run("audit", "log", "--action", "key_rotation", "--json").output
                .firstMatch(of: /"introduced":"([^"]+)"/)?.1)
        let verified = try await run("audit", "verify", "--database", "--key", String(key), "--json")
        #expect(verified.status == 0, "\(verified.output) \(verified.errors)")
    }
}
