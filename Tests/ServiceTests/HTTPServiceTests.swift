import DICOM
import Decoding
import Foundation
import Postgres
import Service
import ServiceLifecycleTestKit
import Store
import TestSupport
import Testing

@Suite("Receiving over HTTP")
struct HTTPServiceTests {
    private static func study(_ number: Int) -> String {
        DICOMUID.deterministic(seed: 7, index: UInt64(number) * 3 + 2)
    }

    @Test("what is sent is stored bit for bit, described, and has its jobs; sent again, it is stored already")
    func good() async throws {
        try await ServedSite.with { served in
            let objects = try (1...3).map { try SmallRadiograph.file($0) }
            let answer = try await served.post(ServedSite.body(objects))
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/dicom+json")
            #expect(try answer.values("00081199", "00081155") == (1...3).map(SmallRadiograph.sopInstanceUID))
            let classes = Array(repeating: DICOMUID.computedRadiographyImageStorage, count: 3)
            #expect(try answer.values("00081199", "00081150") == classes)
            #expect(try answer.values("00081198", "00081155").isEmpty)
            for object in objects {
                #expect(try served.site.folder.bytes(ObjectRecord(bytes: object).sha256) == object)
            }
            #expect(try await served.site.store.jobs(in: .waiting, limit: 10).count == 3)
            #expect(try await served.count("longview.objects WHERE patient_id LIKE 'SMALL-%'") == 3)
            #expect(try await served.count("longview.intakes WHERE via = 'stow'") == 3)

            let again = try await served.post(ServedSite.body(objects))
            #expect(again.status == 200)
            #expect(again.body == answer.body)
            #expect(try await served.count("longview.intakes WHERE outcome = 'duplicate'") == 3)
            #expect(try await served.site.store.jobs(in: .waiting, limit: 10).count == 3)
            #expect(try served.unfinished() == 0)
        }
    }

    @Test("instances fail alone: the others are stored, and each failure has its reason")
    func mixed() async throws {
        try await ServedSite.with { served in
            var nameless = try SmallRadiograph.builder(4)
            try nameless.set(.sopInstanceUID, "")
            let parts = [
                try SmallRadiograph.file(1), Array("no DICOM".utf8), try SmallRadiograph.file(2),
                Array(try SmallRadiograph.file(3)[..<200]), try nameless.file(),
            ]
            let answer = try await served.post(ServedSite.body(parts), path: "/studies/\(Self.study(1))")
            #expect(answer.status == 202)
            #expect(try answer.values("00081199", "00081155") == [SmallRadiograph.sopInstanceUID(1)])
            #expect(try answer.values("00081198", "00081155") == [SmallRadiograph.sopInstanceUID(2)])
            #expect(try answer.values("00081198", "00081197") == ["\(0xA900)"])
            #expect(try answer.values("0008119A", "00081197") == ["\(0xC000)", "\(0xC000)", "\(0xA900)"])
            #expect(try await served.count("longview.intakes") == 1)
            #expect(served.files() == 1)
        }
    }

    @Test("a request of which nothing can be stored is a conflict, and leaves nothing behind")
    func allBad() async throws {
        try await ServedSite.with { served in
            let other = try await served.post(ServedSite.body([SmallRadiograph.file(1)]), path: "/studies/1.2.3")
            #expect(other.status == 409)
            #expect(try other.values("00081198", "00081197") == ["\(0xA900)"])
            let text = try await served.post(ServedSite.body([Array("a".utf8), []]))
            #expect(text.status == 409)
            #expect(try text.values("0008119A", "00081197") == ["\(0xC000)", "\(0xC000)"])
            #expect(try await served.count("longview.intakes") == 0)
            #expect(served.files() == 0)
        }
    }

    @Test("without a token that is known nothing is read")
    func tokens() async throws {
        try await ServedSite.with { served in
            let body = ServedSite.body([try SmallRadiograph.file(1)])
            for authorization in [nil, "Bearer \(ServedSite.token.dropLast())", "Basic \(ServedSite.token)"] {
                let answer = try await served.post(body, authorization: authorization)
                #expect(answer.status == 401)
                #expect(answer.headers["www-authenticate"] == #"Bearer realm="longview""#)
            }
            // Answered before a byte of the body was sent.
            let raw = try RawConnection(port: served.port)
            try raw.send(ServedSite.head(1 << 30, authorization: "Bearer wrong"))
            #expect(raw.received().hasPrefix("HTTP/1.1 401 "))
            #expect(try await served.count("longview.intakes") == 0)
            #expect(served.files() == 0)
        }
    }

    @Test("a closed gate is answered before the body is read, with when to try again")
    func closed() async throws {
        var marks = IntakeGate.Marks()
        marks.freeBytes = .max
        try await ServedSite.with(marks: marks) { served in
            let raw = try RawConnection(port: served.port)
            try raw.send(ServedSite.head(1 << 30))
            let answer = raw.received().lowercased()
            #expect(answer.hasPrefix("http/1.1 503 "))
            #expect(answer.contains("\r\nretry-after: 30\r\n"))
            let ready = try await served.get("/readyz")
            #expect(ready.status == 503)
            #expect(ready.body.contains("\"intake\""))
            #expect(try await served.get("/metrics").body.contains("longview_intake_open 0\n"))
            #expect(served.files() == 0)
        }
    }

    @Test("what is too large or too much is refused; what was stored before it is told")
    func limits() async throws {
        let object = try SmallRadiograph.file(1)
        try await ServedSite.with {
            $0.maximumInstanceBytes = object.count; $0.maximumInstances = 2
        } _: { served in
            let large = try await served.post(ServedSite.body([object + [0]]))
            #expect(large.status == 413)
            #expect(served.files() == 0)
            let second = try await served.post(ServedSite.body([object, object + object]))
            #expect(second.status == 413)
            #expect(try second.values("00081199", "00081155") == [SmallRadiograph.sopInstanceUID(1)])
            #expect(try second.values("0008119A", "00081197") == ["\(0xA700)"])
            #expect(try await served.post(ServedSite.body([object, object, object])).status == 413)
            #expect(try await served.post(ServedSite.body([object, object])).status == 200)
            #expect(served.files() == 1)
        }
    }

    @Test("what is no request to store is refused with what is wrong")
    func malformed() async throws {
        try await ServedSite.with { served in
            let body = ServedSite.body([try SmallRadiograph.file(1)])
            for (type, status) in [
                ("application/dicom", 415),
                ("multipart/related; type=\"application/dicom+json\"; boundary=frontier", 415),
                ("multipart/related; boundary=frontier", 415), ("multipart/related; type=\"application/dicom\"", 400),
                ("multipart/related; type=application/dicom; boundary=\"\"", 400),
                ("multipart/related; type=\"application/dicom\"; boundary=other", 400),
            ] {
                #expect(try await served.post(body, type: type).status == status, "\(type)")
            }
            #expect(try await served.post(body, path: "/studies/1.02").status == 400)
            #expect(try await served.post(body, path: "/studies/1.2/series").status == 404)
            #expect(try await served.post(Array("--frontier--".utf8)).status == 400)
            #expect(try await served.post(body.dropLast(8)).status == 400)
            #expect(try await served.count("longview.intakes") == 0)
            #expect(served.files() == 0)
        }
    }

    @Test("while the database is away nothing is promised, and the client is told to come again")
    func outage() async throws {
        try await ServedSite.with { served in
            try await served.site.database.drop()
            let answer = try await served.post(ServedSite.body([try SmallRadiograph.file(1)]))
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "30")
            #expect(try answer.values("00081198", "00081155") == [SmallRadiograph.sopInstanceUID(1)])
            #expect(try answer.values("00081198", "00081197") == ["\(0xA700)"])
            #expect(try served.unfinished() == 0)
            #expect(
                try await served.get("/metrics").body.contains(
                    #"longview_intakes_total{way="stow",outcome="failed"} 1"#))
        }
    }

    @Test("a client that goes in the middle leaves nothing behind, and the service goes on")
    func truncated() async throws {
        try await ServedSite.with { served in
            let body = ServedSite.body([try SmallRadiograph.file(1)])
            for count in [60, 1000, body.count - 20] {
                let raw = try RawConnection(port: served.port)
                try raw.send(ServedSite.head(body.count) + body[..<count])
                try await served.site.wait("the part was not begun") { try served.unfinished() == 1 }
                raw.close()
                try await served.site.wait("the part was not removed") { try served.unfinished() == 0 }
            }
            #expect(try await served.count("longview.intakes") == 0)
            #expect(served.files() == 0)
            #expect(try await served.post(body).status == 200)
        }
    }

    @Test("a client that sends too slowly is told so, and its object is removed")
    func slow() async throws {
        try await ServedSite.with {
            $0.rateGrace = .milliseconds(300)
        } _: { served in
            let body = ServedSite.body([try SmallRadiograph.file(1)])
            let raw = try RawConnection(port: served.port)
            try raw.send(ServedSite.head(body.count) + body[..<1000])
            let answer = try await ComputeQueue("slow", concurrent: true).run { raw.received() }
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
            #expect(try served.unfinished() == 0)
        }
    }

    @Test("no more requests at once than are allowed")
    func many() async throws {
        try await ServedSite.with {
            $0.maximumRequests = 1
        } _: { served in
            let body = ServedSite.body([try SmallRadiograph.file(1)])
            let raw = try RawConnection(port: served.port)
            try raw.send(ServedSite.head(body.count) + body[..<1000])
            try await served.site.wait { try served.unfinished() == 1 }
            #expect(try await served.post(body).status == 503)
            raw.close()
            try await served.site.wait { try await served.post(body).status == 200 }
        }
    }

    /// Tells a service to stop while a request is half sent; what then is sent of the rest, and the answer.
    private func stop(within limit: Duration, sendsRest: Bool) async throws -> (answer: String, intakes: Int) {
        let site = try await Site()
        let (service, ports) = try ServedSite.service(site) { $0.shutdownLimit = limit }
        let body = ServedSite.body([try SmallRadiograph.file(1)])
        let result = try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                var iterator = ports.makeAsyncIterator()
                let served = ServedSite(site: site, port: try #require(await iterator.next()))
                let raw = try RawConnection(port: served.port)
                try raw.send(ServedSite.head(body.count) + body[..<1000])
                try await site.wait { try served.unfinished() == 1 }
                trigger.triggerGracefulShutdown()
                try await Task.sleep(for: .milliseconds(200))
                if sendsRest { try raw.send(Array(body[1000...])) }
                let answer = try await ComputeQueue("stop", concurrent: true).run { raw.received() }
                try await group.waitForAll()
                #expect(try served.unfinished() == 0)
                return (answer, try await served.count("longview.intakes"))
            }
        }
        await site.store.close()
        return result
    }

    @Test("told to stop, the service finishes the request under way, and cuts off one that does not end")
    func stop() async throws {
        let finished = try await stop(within: .seconds(60), sendsRest: true)
        #expect(finished.answer.hasPrefix("HTTP/1.1 200 "))
        #expect(finished.intakes == 1)
        let cut = try await stop(within: .milliseconds(400), sendsRest: false)
        #expect(!cut.answer.contains(" 200 "))
        #expect(cut.intakes == 0)
    }

    @Test("curl can store a large instance, too", .needs("curl"))
    func curl() async throws {
        try await ServedSite.with { served in
            var builder = try SmallRadiograph.builder(1)
            try builder.setPixels(
                (0..<1_500_000).map { UInt16(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) & 0xFFF }, rows: 1500,
                columns: 1000, bitsStored: 12)
            let file = served.site.root.appendingPathComponent("body")
            try Data(ServedSite.body([try builder.file()])).write(to: file)
            let run = try await ComputeQueue("curl", concurrent: true).run {
                try ExternalProgram("curl")!.run([
                    "--silent", "--show-error", "--max-time", "30", "--data-binary", "@\(file.path)", "-H",
                    "Content-Type: \(ServedSite.type)", "-H", "Authorization: Bearer \(ServedSite.token)", "-w",
                    " %{http_code}", "http://127.0.0.1:\(served.port)/studies",
                ])
            }
            #expect(run.output.hasSuffix(" 200"))
            #expect(run.output.contains(SmallRadiograph.sopInstanceUID(1)))
            #expect(try await served.count("longview.intakes") == 1)
        }
    }
}
