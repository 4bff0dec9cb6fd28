import Foundation
import Service
import Store
import TestSupport
import Testing

@Suite("Health and metrics")
struct ServiceHealthTests {
    @Test("readiness follows the model and the database; health does not")
    func readiness() async throws {
        try await ServedSite.with { served in
            func become(_ status: Int, _ reason: String?) async throws {
                try await served.site.wait("it did not become \(status)") {
                    let ready = try await served.get("/readyz")
                    return ready.status == status && (reason.map { ready.body.contains("\"\($0)\"") } ?? true)
                }
            }
            #expect(try await served.get("/readyz").status == 200)
            #expect(try await served.get("/readyz").body == #"{"ready":true,"reasons":{}}"#)
            let model = try #require(try await served.site.store.modelsInUse().first)
            _ = try await served.site.store.setState(.retired, of: model, reason: nil)
            try await become(503, "model")
            _ = try await served.site.store.setState(.active, of: model, reason: nil)
            try await become(200, nil)
            try await served.site.database.drop()
            try await become(503, "database")
            #expect(try await served.get("/healthz").status == 200)
            #expect(try await served.get("/metrics").body.contains("longview_database_up 0\n"))
        }
    }

    @Test("metrics are Prometheus's text, with the queue, the ledger and what came in, and nobody's data")
    func metrics() async throws {
        try await ServedSite.with { served in
            _ = try await served.post(ServedSite.body([try SmallRadiograph.file(1), try SmallRadiograph.file(2)]))
            _ = try await served.post(ServedSite.body([try SmallRadiograph.file(1)]))
            let answer = try await served.get("/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            var types: [String: String] = [:]
            var values: [String: Double] = [:]
            for line in answer.body.split(separator: "\n") {
                if line.hasPrefix("# HELP ") { continue }
                if let type = line.wholeMatch(of: /# TYPE ([a-z_]+) (counter|gauge)/) {
                    #expect(types.updateValue(String(type.2), forKey: String(type.1)) == nil)
                    continue
                }
                let sample = try #require(
                    line.wholeMatch(of: /(([a-z_]+)(?:\{[a-z]+="[a-z_]+"(?:,[a-z]+="[a-z_]+")*\})?) ([0-9.e+-]+)/),
                    "\(line)")
                #expect(types[String(sample.2)] != nil, "a sample before its type: \(line)")
                #expect(values.updateValue(try #require(Double(sample.3)), forKey: String(sample.1)) == nil)
            }
            #expect(answer.body.hasSuffix("\n"))
            #expect(values[#"longview_intakes_total{way="stow",outcome="new"}"#] == 2)
            #expect(values[#"longview_intakes_total{way="stow",outcome="duplicate"}"#] == 1)
            #expect(values[#"longview_queue_jobs{state="waiting_normal"}"#] == 2)
            #expect(values["longview_database_up"] == 1)
            #expect(values["longview_active_models"] == 1)
            #expect(values["longview_intake_open"] == 1)
            #expect(values["longview_ledger_alarm"] == 0)
            #expect((values["longview_ledger_waiting_entries"] ?? 0) + (values["longview_ledger_entries"] ?? 0) >= 3)
            #expect((values["longview_free_bytes"] ?? 0) > 0)
            #expect((values["longview_queue_oldest_waiting_seconds"] ?? -1) >= 0)
            #expect(!answer.body.contains("SMALL") && !answer.body.contains("2.25."))
        }
    }
}
