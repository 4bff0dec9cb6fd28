import DICOM
import Foundation
import FoundationNetworking
import TestSupport
import Testing

/// Senders of all kinds, each until its time is over.
struct SoakTraffic: Sendable {
    let tally = SoakTally()
    /// For the files that are sent.
    let folder: URL
    /// Of the receiver, and of the web service.
    let port, http: UInt16
    let token: String
    let start: ContinuousClock.Instant
    private let end: ContinuousClock.Instant

    init(folder: URL, port: UInt16, http: UInt16, token: String, seconds: Double) {
        (self.folder, self.port, self.http, self.token) = (folder, port, http, token)
        start = .now
        end = start + .seconds(seconds)
    }

    func run() async throws {
        // Those that block have threads of their own.
        let blocking: [@Sendable () throws -> Void] = [connectAndLeave, stayHalfOpen, sendMutants, sendSlowly]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in blocking { group.addTask { try await onThread(sender) } }
            for sender in [sendGood, sendBad, useWeb] { group.addTask { try await sender() } }
            try await group.waitForAll()
        }
    }

    var isOver: Bool { ContinuousClock.now >= end }

    /// Two objects a second, each in an association of its own; every fourth time an older one again.
    private func sendGood() async throws {
        for index in 0... {
            try await Task.sleep(until: start + .milliseconds(500) * index)
            if isOver { return }
            try await send(.good, index, SmallRadiograph.file(SoakTally.Kind.good.number(index)))
            guard index % 4 == 3 else { continue }
            let older = Int.random(in: 0...index)
            try await send(.again, older, SmallRadiograph.file(SoakTally.Kind.again.number(older)))
        }
    }

    /// Each second what the worker has to refuse: a hand, or fewer pixels than there should be.
    private func sendBad() async throws {
        for index in 0... {
            try await Task.sleep(until: start + .seconds(1) * index)
            if isOver { return }
            var builder = try SmallRadiograph.builder(SoakTally.Kind.bad.number(index), bodyPart: "HAND")
            if index % 2 == 1 {
                try builder.set(.bodyPartExamined, "CHEST")
                try builder.set(.rows, integers: [4000])
            }
            try await send(.bad, index, builder.file())
        }
    }

    /// Sends an object until it is acknowledged.
    private func send(_ kind: SoakTally.Kind, _ index: Int, _ bytes: [UInt8]) async throws {
        let file = folder.appendingPathComponent("\(kind)-\(index).dcm")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let client = try StorageClient(
            StorageClient.Configuration(
                host: "127.0.0.1", port: port, callingTitle: "SOAK-\(kind)", calledTitle: "LONGVIEW"))
        tally.sending(kind, index)
        for attempt in 0..<100 {
            let begin = ContinuousClock.now
            let outcome: String
            do {
                let result = try #require(try await client.send([file.path]).first)
                if result.status == .success {
                    tally.acknowledged(kind, index)
                    if attempt == 0 {
                        tally.took(
                            Latency(at: (begin - start) / .seconds(1), milliseconds: (.now - begin) / .milliseconds(1)))
                    }
                    return
                }
                outcome = result.status.map { "\($0)" } ?? result.message ?? "no answer"
            } catch let error as AssociationError {
                outcome = "\(error)"
            }
            tally.count("\(kind) put off: \(outcome)")
            try await Task.sleep(for: .milliseconds(500))
        }
        Issue.record("\(kind) \(index) was never accepted")
    }

    /// Each second the metrics, and every five seconds an object by STOW-RS.
    private func useWeb() async throws {
        for index in 0... {
            try await Task.sleep(until: start + .seconds(1) * index)
            if isOver { return }
            let metrics = try #require(URL(string: "http://127.0.0.1:\(http)/metrics"))
            let (_, response) = try await URLSession.shared.data(from: metrics)
            #expect((response as? HTTPURLResponse)?.statusCode == 200)
            guard index % 5 == 4 else { continue }
            let object = Data(try SmallRadiograph.file(SoakTally.Kind.web.number(index)))
            tally.sending(.web, index)
            if try await ServeTests.store(object, to: http, token: token) == 200 {
                tally.acknowledged(.web, index)
            } else {
                tally.count("web put off")
            }
        }
    }
}

/// Runs what blocks on a thread of its own.
private func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}
