import DICOM
import Hummingbird
import NIOCore

extension HTTPService {
    /// Seconds after which a client may try again what was not taken just now.
    private static let retryAfter = "30"
    /// What an answer that came before the end of the request is left, so that the client can read it.
    private static let lingering = TimeAmount.seconds(5)

    /// Stores the instances of a request (PS3.18 section 10.5).
    func store(_ request: Request, _ context: HTTPContext, study: String?) async throws -> Response {
        guard let sender = tokens?.holder(authorization: request.headers[.authorization]) else {
            return early(
                Self.text(
                    .unauthorized, "a token is needed: Authorization: Bearer TOKEN\n",
                    [.wwwAuthenticate: #"Bearer realm="longview""#]), context)
        }
        if case .closed = await site.gate.answer() {
            return early(unavailable("nothing can be taken in just now\n"), context)
        }
        guard requests.begin() else { return early(unavailable("too many requests at once\n"), context) }
        defer { requests.end() }
        if let study, !DICOMUID.isValid(study) {
            return early(Self.text(.badRequest, "the study of the path is no UID\n"), context)
        }
        guard let type = MediaType(request.headers[.contentType] ?? ""), type.name == "multipart/related",
            type.parameters["type"]?.lowercased() == "application/dicom",
            request.headers[.contentEncoding] ?? "identity" == "identity"
        else {
            return early(
                Self.text(
                    .unsupportedMediaType,
                    "what is taken is multipart/related; type=\"application/dicom\", without a Content-Encoding\n"),
                context)
        }
        let limits = MultipartParser.Limits(
            parts: settings.maximumInstances, partBytes: settings.maximumInstanceBytes)
        guard let boundary = type.parameters["boundary"],
            let parser = MultipartParser(boundary: boundary, limits: limits)
        else {
            return early(Self.text(.badRequest, "the content type names no boundary, or none that may be\n"), context)
        }
        let reader = RequestBodyReader(limits: limits, grace: settings.rateGrace, minimumRate: settings.minimumRate)
        let (reception, ending) = await reader.read(
            request.body, boundary: parser, into: StoreReception(site, study: study, sender: sender))
        let answer = reception.answer
        switch ending {
        case .complete where answer.isEmpty: return Self.text(.badRequest, "the request holds no instance\n")
        case .complete: return response(.init(code: answer.status), answer)
        case .malformed(let what): return early(response(.badRequest, answer, otherwise: what), context)
        case .tooLarge(let what): return early(response(.contentTooLarge, answer, otherwise: what), context)
        case .tooSlow: return early(response(.requestTimeout, answer, otherwise: "the body comes too slowly"), context)
        case .brokenOff(let error): throw error
        }
    }

    /// What became of the instances; words where none was looked at.
    private func response(
        _ status: HTTPResponse.Status, _ answer: StoreAnswer, otherwise words: String = ""
    ) -> Response {
        if answer.isEmpty { return Self.text(status, words + "\n") }
        var headers: HTTPFields = [.contentType: "application/dicom+json"]
        if status == .serviceUnavailable { headers[.retryAfter] = Self.retryAfter }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: answer.json)))
    }

    private func unavailable(_ words: String) -> Response {
        Self.text(.serviceUnavailable, words, [.retryAfter: Self.retryAfter])
    }

    /// Answers a request whose rest is of no use: the connection is closed a little later, whatever still comes.
    private func early(_ response: Response, _ context: HTTPContext) -> Response {
        var response = response
        response.headers[.connection] = "close"
        let channel = context.channel
        channel.eventLoop.scheduleTask(in: Self.lingering) { channel.close(promise: nil) }
        return response
    }
}
