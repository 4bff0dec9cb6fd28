import Foundation
import FoundationNetworking
import Glibc
import TestSupport
import Testing

@Suite("Serving")
struct ServeTests {
    /// An installation with the shipped model active, on a cluster of its own that syncs what it commits.
    private static func installation() async throws -> Installation {
        let longview = try await Installation.ready(privateCluster: true)
        #expect(try await longview.run("model", "activate", "nih-pneumonia").status == 0)
        return longview
    }

    /// `longview serve` on a port of its own, once it listens.
    static func serve(
        _ longview: Installation, port: UInt16 = 0, _ more: String...
    ) async throws -> (server: Installation.Running, port: UInt16) {
        let server = try Installation.Running(
            longview, ["serve", "--any-caller", "--port", "\(port)", "--http", "127.0.0.1:0"] + more)
        let marker = "LONGVIEW listens on port "
        try await longview.wait("it does not listen: \(server.errors)") {
            server.errors.contains(marker) || !server.isRunning
        }
        let start = try #require(server.errors.firstRange(of: marker), "\(server.errors)")
        let number = server.errors[start.upperBound...].prefix { $0.isNumber }
        return (server, try #require(UInt16(number)))
    }

    private static func send(_ longview: Installation, _ paths: [String], to port: UInt16) async throws -> Set<String> {
        let run = try await longview.run(
            ["send", "--to", "127.0.0.1:\(port)", "--aet", "SENDER", "--aec", "LONGVIEW", "--json"] + paths)
        return Set(
            try run.objects.filter { $0["status"] as? String == "sent" }.compactMap { $0["file"] as? String })
    }

    /// Stores a file by STOW-RS (PS3.18, section 10.5); the status of the answer.
    private static func store(
        _ longview: Installation, _ path: String, _ server: Installation.Running, token: String
    ) async throws -> Int {
        let marker = "HTTP on port "
        try await longview.wait("it does not listen: \(server.errors)") { server.errors.contains(marker) }
        let start = try #require(server.errors.firstRange(of: marker))
        let port = server.errors[start.upperBound...].prefix { $0.isNumber }
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)/studies")))
        request.httpMethod = "POST"
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue(
            "multipart/related; type=\"application/dicom\"; boundary=part", forHTTPHeaderField: "Content-Type")
        var body = Data("--part\r\nContent-Type: application/dicom\r\n\r\n".utf8)
        body += try Data(contentsOf: URL(fileURLWithPath: path))
        body += Data("\r\n--part--\r\n".utf8)
        request.httpBody = body
        let (_, response) = try await URLSession.shared.data(for: request)
        return (response as? HTTPURLResponse)?.statusCode ?? 0
    }

    /// Every object sent has one score; the ledger is whole, and says what the records say.
    private static func checkRecords(_ longview: Installation, _ count: Int) async throws {
        let scores = try await longview.run("scores", "--json", "--limit", "5000").objects
        #expect(scores.count == count)
        #expect(Set(scores.compactMap { $0["sop_instance_uid"] as? String }).count == count)
        #expect(try await longview.run("publish", "--once").status == 0)
        let key = try #require(
            try await longview.run("audit", "log", "--action", "key_rotation", "--json").output
                .firstMatch(of: /"introduced":"([^"]+)"/)?.1)
        let verified = try await longview.run("audit", "verify", "--database", "--key", String(key), "--json")
        #expect(verified.status == 0, "\(verified.output) \(verified.errors)")
    }

    @Test("what is sent is stored, scored and published by one command, and it ends in order")
    func serves() async throws {
        let longview = try await Self.installation()
        let paths = try (0..<4).map { try longview.write("in/\($0).dcm", try SmallRadiograph.file($0)) }
        let token = String(repeating: "t0k3n", count: 8)
        let tokens = try longview.write("tokens", Array("ris \(token)\n".utf8))
        chmod(tokens, 0o600)
        let (server, port) = try await Self.serve(longview, port: 0, "--tokens", tokens)
        #expect(try await Self.send(longview, Array(paths.dropLast()), to: port).count == 3)
        // The last one by STOW-RS, from a stranger first.
        #expect(try await Self.store(longview, paths[3], server, token: "wrong") == 401)
        #expect(try await Self.store(longview, paths[3], server, token: token) == 200)
        // The same again: stored, and nothing new.
        #expect(try await Self.send(longview, [paths[0]], to: port).count == 1)
        try await longview.wait("not all was scored: \(server.errors)") { try await longview.queueLength() == 0 }
        #expect(try await server.end(by: SIGTERM) == 0, "\(server.errors)")
        try await Self.checkRecords(longview, 4)
        let log = try await longview.run("audit", "log", "--action", "intake", "--json").objects
        let via = log.compactMap { (($0["entry"] as? [String: Any])?["body"] as? [String: Any])?["via"] as? String }
        #expect(via.sorted() == Array(repeating: "dicom", count: 4) + ["stow"])
        _ = try await longview.run("db", "stop")
    }

    /// What is killed in a round of the drill.
    private enum Victim: CaseIterable {
        case server, decoder, backend, database

        /// Kills one, without a chance to tidy up; the database is stopped at once and started again.
        func strike(_ longview: Installation, _ server: Installation.Running) async throws {
            let home = longview.path("home")
            switch self {
            case .server: try await server.end(by: SIGKILL)
            case .decoder: Self.shell("pkill -KILL -o -P \(server.processIdentifier)")
            case .backend:
                // One of the server's sessions: PostgreSQL then restarts them all, and recovers.
                Self.shell(
                    "pid=$(head -n 1 $(find -L '\(home)' -name postmaster.pid)); "
                        + "kill -KILL $(pgrep -P $pid -f longview_worker | head -n 1)")
            case .database:
                Self.shell("kill -QUIT $(head -n 1 $(find -L '\(home)' -name postmaster.pid))")
                try await longview.wait("the database does not start again") {
                    try await longview.run("db", "start").status == 0
                }
            }
        }

        private static func shell(_ command: String) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", command]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try? process.run()
            process.waitUntilExit()
        }
    }

    @Test("whatever is killed under load: what was acknowledged has one record, what was not can be sent again")
    func killed() async throws {
        let longview = try await Self.installation()
        let rounds = Drill.rounds(short: 8, long: 200)
        let perRound = 4
        var generator = SeededGenerator(state: 20_261_125)
        var acknowledged: Set<String> = []
        var all: [String] = []
        var (server, port) = try await Self.serve(longview)
        for round in 0..<rounds {
            let paths = try (0..<perRound).map { number -> String in
                let serial = round * perRound + number
                return try longview.write("in/\(serial).dcm", try SmallRadiograph.file(serial))
            }
            all += paths
            // What was not acknowledged in rounds before is sent again.
            let outstanding = all.filter { !acknowledged.contains($0) }
            let target = port
            async let sent = Self.send(longview, outstanding, to: target)
            try await Task.sleep(for: .milliseconds(.random(in: 0...700, using: &generator)))
            try await Victim.allCases[round % Victim.allCases.count].strike(longview, server)
            acknowledged.formUnion(try await sent)
            if !server.isRunning { (server, port) = try await Self.serve(longview) }
        }
        try await longview.wait("not all could be sent: \(server.errors)") {
            acknowledged.formUnion(
                try await Self.send(longview, all.filter { !acknowledged.contains($0) } + [all[0]], to: port))
            return acknowledged.count == all.count
        }
        try await longview.wait("not all was scored: \(server.errors)") { try await longview.queueLength() == 0 }
        #expect(try await server.end(by: SIGTERM) == 0, "\(server.errors)")
        try await Self.checkRecords(longview, all.count)
        print("\(rounds) rounds, \(all.count) objects: each acknowledged object has one record")
        _ = try await longview.run("db", "stop")
    }
}
