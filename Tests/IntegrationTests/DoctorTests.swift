import Foundation
import TestSupport
import Testing

@Suite("doctor, db")
struct DoctorTests {
    @Test("a good installation has nothing to mend; a database that isn't there has")
    func doctor() async throws {
        var longview = try await Installation.ready()
        let good = try await longview.run("doctor")
        #expect(good.status == 0, "\(good.output)")
        #expect(!good.output.contains("BAD"))
        longview.environment["DATABASE_URL"] = "postgresql://nobody:secret@127.0.0.1:1/none"
        let bad = try await longview.run("doctor")
        #expect(bad.status == 1)
        #expect(bad.output.contains("BAD"))
        #expect(!(bad.output + bad.errors).contains("secret"))
    }

    @Test("a database without the schema says so and how to mend it")
    func unmigrated() async throws {
        var longview = try await Installation()
        longview.environment["DATABASE_URL"] = try await TestDatabase.create().url()
        let run = try await longview.run("scores")
        #expect(run.status == 1)
        #expect(run.errors.contains("longview db migrate"))
        #expect(try await longview.run("db", "migrate").status == 0)
        #expect(try await longview.run("db", "status").status == 0)
        #expect(try await longview.run("scores").status == 0)
    }

    @Test("the private cluster starts, tells, and stops; starting twice is one server")
    func cluster() async throws {
        let longview = try await Installation(privateCluster: true)
        #expect(try await longview.run("db", "status").status == 1)
        let first = try await longview.run("db", "start")
        #expect(first.status == 0, "\(first.errors)")
        #expect(try await longview.run("db", "start").output == first.output)
        let url = try await longview.databaseURL()
        #expect(try shell("psql -AtX -c 'SHOW listen_addresses' '\(url)' | wc -c") == "1")
        #expect(try await longview.run("db", "stop").status == 0)
        #expect(try await longview.run("db", "status").status == 1)
    }
}
