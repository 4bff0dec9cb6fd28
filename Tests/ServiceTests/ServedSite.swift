import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import Postgres
import Service
import Store
import TestSupport
import Testing

/// A site with its HTTP service, and a client.
struct ServedSite: Sendable {
    let site: Site
    /// What every request is sent to.
    let port: Int

    static let token = String(repeating: "t0ken", count: 8)
    static let type = #"multipart/related; type="application/dicom"; boundary=frontier"#

    /// Serves while `body` runs.
    static func with(
        marks: IntakeGate.Marks = .init(), change: (inout HTTPService.Settings) -> Void = { _ in },
        _ body: (ServedSite) async throws -> Void
    ) async throws {
        let site = try await Site()
        let (service, ports) = try Self.service(site, marks: marks, change: change)
        let running = Task { try await service.run() }
        do {
            var iterator = ports.makeAsyncIterator()
            try await body(ServedSite(site: site, port: try #require(await iterator.next())))
        } catch {
            running.cancel()
            _ = await running.result
            throw error
        }
        running.cancel()
        _ = await running.result
        await site.store.close()
    }

    /// A service of `site` that is not running yet, and the port it will have.
    static func service(
        _ site: Site, marks: IntakeGate.Marks = .init(), change: (inout HTTPService.Settings) -> Void = { _ in }
    ) throws -> (HTTPService, AsyncStream<Int>) {
        let file = site.root.appendingPathComponent("tokens")
        #expect(
            FileManager.default.createFile(
                atPath: file.path, contents: Data("sender \(token)\n".utf8), attributes: [.posixPermissions: 0o600]))
        var settings = HTTPService.Settings(host: "test")
        settings.port = 0
        // The tests run at once and keep the machine busy.
        settings.databasePatience = .seconds(30)
        change(&settings)
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let service = HTTPService(
            settings, desk: site.desk, gate: IntakeGate(folder: site.folder, store: site.store, marks: marks),
            store: site.store, decoders: site.decoders, tokens: try BearerTokens(contentsOf: file),
            logger: TestLog.silent
        ) { port.yield($0) }
        return (service, ports)
    }

    struct Answer {
        var status: Int
        var headers: [String: String]
        var body: String

        /// The values at `path` in DICOM JSON: of attributes, by their tags, in the items of a sequence.
        func values(_ sequence: String, _ tag: String) throws -> [String] {
            let dataset = try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
            let items = (dataset[sequence] as? [String: Any])?["Value"] as? [[String: Any]] ?? []
            return items.map { "\((($0[tag] as? [String: Any])?["Value"] as? [Any])?.first ?? "-")" }
        }
    }

    /// The multipart body of these parts.
    static func body(_ parts: [[UInt8]]) -> [UInt8] {
        parts.flatMap { Array("--frontier\r\nContent-Type: application/dicom\r\n\r\n".utf8) + $0 + Array("\r\n".utf8) }
            + Array("--frontier--\r\n".utf8)
    }

    /// Sends `body` in chunks of an odd size, without saying how long it is.
    func post(
        _ body: [UInt8], path: String = "/studies", type: String = type, authorization: String? = "Bearer \(token)"
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: type)
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        let chunks = stride(from: 0, to: body.count, by: 1013).map {
            ByteBuffer(bytes: body[$0..<min($0 + 1013, body.count)])
        }
        request.body = .stream(chunks.async, length: .unknown)
        return try await execute(request)
    }

    func get(_ path: String) async throws -> Answer {
        try await execute(HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)"))
    }

    private func execute(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let body = try await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: Int(response.status.code),
            headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { "\($0), \($1)" },
            body: String(buffer: body))
    }

    /// The head of a request to store `length` bytes.
    static func head(_ length: Int, authorization: String = "Bearer \(token)") -> [UInt8] {
        Array(
            """
            POST /studies HTTP/1.1\r\nHost: test\r\nAuthorization: \(authorization)\r\nContent-Type: \(type)\r\n\
            Content-Length: \(length)\r\n\r\n
            """.utf8)
    }

    /// Rows of a table, with a condition.
    func count(_ table: SQL) async throws -> Int { try await site.count("SELECT count(*) AS n FROM " + table) }

    /// Files of objects that are not whole.
    func unfinished() throws -> Int {
        try FileManager.default.contentsOfDirectory(
            atPath: site.folder.folder.appendingPathComponent("incoming").path
        ).count
    }

    /// Files of objects in the object folder, whole or not.
    func files() -> Int {
        let all = FileManager.default.enumerator(atPath: site.folder.folder.path)
        let files = all?.count { _ in all?.fileAttributes?[.type] as? FileAttributeType == .typeRegular } ?? 0
        // But for the one with the folder's identity.
        return files - 1
    }
}

extension Array where Element: Sendable {
    /// The elements, one after another.
    fileprivate var async: AsyncStream<Element> {
        AsyncStream { continuation in
            for element in self { continuation.yield(element) }
            continuation.finish()
        }
    }
}

/// A connection on which bytes are sent as they are. Blocks.
final class RawConnection: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in(port: UInt16(port))
        let status = address.withPointer { connect(descriptor, $0, $1) }
        try #require(status == 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw POSIXError(.EPIPE) }
            rest.removeFirst(count)
        }
    }

    /// What comes until the other side closes.
    func received() -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Ends both directions.
    func close() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
