public import Imaging
import Glibc

/// Decoder processes, so many at most, to which objects are given one at a time each.
///
/// A process that crashes, hangs or eats memory refuses its object and is replaced. A crash is tried once more on a new
/// process, so that one process's bad luck is not an object's.
public actor DecoderPool {
    private let path: String
    private let limits: DecoderLimits
    private let size: Int
    private let requiresConfinement: Bool
    private let queue = ComputeQueue("decode", concurrent: true)
    private var idle: [DecoderProcess] = []
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// A pool of at most `size` processes; none is started yet.
    ///
    /// - Parameters:
    ///   - path: the program `longview-decoder`.
    ///   - requiresConfinement: whether a kernel that can't confine completely is an error; otherwise what it can do is
    ///     used, and ``confinement()`` tells.
    public init(path: String, size: Int, limits: DecoderLimits = DecoderLimits(), requiresConfinement: Bool = false) {
        self.path = path
        self.size = max(1, size)
        self.limits = limits
        self.requiresConfinement = requiresConfinement
    }

    /// The program beside `longview`, unless `LONGVIEW_DECODER` names another.
    public static let standardPath: String = {
        if let named = getenv("LONGVIEW_DECODER") { return String(cString: named) }
        let program = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
            let count = readlink("/proc/self/exe", buffer.baseAddress!, Int(PATH_MAX))
            buffer[max(0, count)] = 0
            return String(cString: buffer.baseAddress!)
        }
        return (program.lastIndex(of: "/").map { String(program[...$0]) } ?? "") + "longview-decoder"
    }()

    /// Starts a process where there is none, so that the first object need not wait for it.
    public func warmUp() async {
        guard let process = try? await take() else { return }
        give(back: process)
    }

    /// What the kernel keeps a decoder from here. Throws ``DecoderError``.
    public func confinement() async throws -> Confinement {
        let process = try await take()
        defer { give(back: process) }
        return process.confinement
    }

    /// Decodes, renders and judges the bytes of one file, as `profile` says.
    public func prepare(_ bytes: [UInt8], profile: PreprocessingProfile) async throws -> Preparation {
        try await prepare(ObjectSource(bytes), profile: profile)
    }

    /// Decodes, renders and judges one file, as `profile` says.
    ///
    /// - Throws: ``DecoderError`` where there is no decoder, then nothing is said about the object; what `object` throws.
    public func prepare(_ object: ObjectSource, profile: PreprocessingProfile) async throws -> Preparation {
        do {
            let (reply, pixels) = try await answer(.prepare(profile), about: object)
            guard let preparation = Preparation(reply, pixels: pixels) else { throw DecoderFailure.nonsense }
            return preparation
        } catch let failure as DecoderFailure {
            return Preparation(refused: .init(stage: .decode, failure))
        }
    }

    /// What a DICOM object says of itself. Throws ``UnreadableObject``, ``DecoderError`` or what `object` throws.
    public func identity(of object: ObjectSource) async throws -> DICOMIdentity {
        guard case .identity(let identity) = try await read(.identity, object).reply else {
            throw UnreadableObject.nonsense
        }
        return identity
    }

    /// The attributes of an object. Throws ``UnreadableObject`` or ``DecoderError``.
    public func attributes(of bytes: [UInt8]) async throws -> AttributeListing {
        guard case .attributes(let listing) = try await read(.attributes, ObjectSource(bytes)).reply else {
            throw UnreadableObject.nonsense
        }
        return listing
    }

    /// The digest of an object's stored values. Throws ``UnreadableObject`` or ``DecoderError``.
    public func storedPixelDigest(of bytes: [UInt8]) async throws -> StoredPixelDigest {
        guard case .digest(let digest) = try await read(.digest, ObjectSource(bytes)).reply else {
            throw UnreadableObject.nonsense
        }
        return digest
    }

    /// The picture of a file, grey as a model is shown it, or in colour, as a PNG file. Throws ``UnreadableObject``,
    /// ``DecoderError``, or `ImagingError` where there is no memory for the file.
    public func pngFile(of bytes: [UInt8], profile: PreprocessingProfile) async throws -> PNGPicture {
        let (reply, pixels) = try await read(.picture(profile), ObjectSource(bytes))
        guard case .picture(let width, let height, let channels) = reply, width > 0, height > 0,
            channels == 1 || channels == 3, width <= 65_535, height <= 65_535,
            pixels.count == width * height * channels
        else { throw UnreadableObject.nonsense }
        return try await queue.run { try PNGPicture(width: width, height: height, channels: channels, pixels: pixels) }
    }

    /// Has a decoder do `drill`; the errno of an attempt that failed, 0 where it succeeded. Throws
    /// ``UnreadableObject`` where the process did not survive it.
    public func perform(_ drill: DecoderDrill) async throws -> Int32 {
        guard case .drill(let error) = try await read(.drill(drill), ObjectSource([])).reply else {
            throw UnreadableObject.nonsense
        }
        return error
    }

    // MARK: Requests

    /// For requests without a preparation's refusal: an object that can't be read is an error.
    private func read(_ request: DecoderRequest, _ object: ObjectSource) async throws -> (
        reply: DecoderReply, pixels: [UInt8]
    ) {
        do {
            let (reply, pixels) = try await answer(request, about: object)
            if case .unreadable(let code, let message) = reply { throw UnreadableObject(code: code, message: message) }
            return (reply, pixels)
        } catch let failure as DecoderFailure {
            let refusal = Preparation.Refusal(stage: .decode, failure)
            throw UnreadableObject(code: refusal.code, message: refusal.message)
        }
    }

    /// The answer of a process; a crash is tried again on a new one. Throws ``DecoderFailure``, ``DecoderError`` or what
    /// `object` throws.
    private func answer(_ request: DecoderRequest, about object: ObjectSource) async throws -> (DecoderReply, [UInt8]) {
        do {
            return try await answerOnce(request, about: object)
        } catch DecoderFailure.crashed, DecoderFailure.killed {
            do {
                return try await answerOnce(request, about: object)
            } catch DecoderFailure.killed {
                throw DecoderError(
                    .killed,
                    "the decoder was killed twice, not by its own limits: see to this machine's memory "
                        + "(journalctl -k), then run again")
            }
        }
    }

    private func answerOnce(_ request: DecoderRequest, about object: ObjectSource) async throws -> (
        DecoderReply, [UInt8]
    ) {
        let process = try await take()
        do {
            let (reply, pixels) = try await queue.run { try process.answer(request, about: object) }
            if case .broken(let complaint) = reply { throw DecoderError(.installationBroken, complaint) }
            give(back: process)
            return (reply, pixels)
        } catch let failure as DecoderFailure {
            discard()
            throw failure
        } catch {
            // It was not asked, and is as good as before.
            give(back: process)
            throw error
        }
    }

    // MARK: Processes

    private func take() async throws -> DecoderProcess {
        while idle.isEmpty && running >= size {
            await withCheckedContinuation { waiting.append($0) }
        }
        if let process = idle.popLast() { return process }
        running += 1
        do {
            let (path, limits) = (path, limits)
            let process = try await queue.run { try DecoderProcess(path: path, limits: limits) }
            let missing = process.confinement.missing
            guard missing.isEmpty || !requiresConfinement else {
                throw DecoderError(
                    .notConfined,
                    "the decoder can't be confined here: \(missing.joined(separator: ", ")) missing; "
                        + "`longview doctor` says more")
            }
            return process
        } catch {
            discard()
            throw error
        }
    }

    private func give(back process: DecoderProcess) {
        guard !process.isWorn else { return discard() }
        idle.append(process)
        if !waiting.isEmpty { waiting.removeFirst().resume() }
    }

    private func discard() {
        running -= 1
        if !waiting.isEmpty { waiting.removeFirst().resume() }
    }
}

/// An object that can't be read, and why.
public struct UnreadableObject: Error, Sendable, CustomStringConvertible {
    /// The reason in snake_case.
    public let code: String
    /// The reason in words, without values of attributes.
    public let message: String

    /// Code and message.
    public var description: String { "\(code): \(message)" }

    static let nonsense = UnreadableObject(Preparation.Refusal(stage: .decode, .nonsense))

    init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    private init(_ refusal: Preparation.Refusal) {
        self.init(code: refusal.code, message: refusal.message)
    }
}

extension Preparation.Refusal {
    /// Why an object is refused whose decoding ended like this.
    init(stage: Preparation.Stage, _ failure: DecoderFailure) {
        self.stage = stage
        switch failure {
        case .crashed(let how):
            code = "decoder_crashed"
            message = "decoding it ended the decoder, twice (\(how)); keep the file and report it"
        case .timedOut:
            code = "decoder_timed_out"
            message = "decoding it takes longer than any radiograph does; keep the file and report it"
        case .killed, .nonsense:
            code = "decoder_misbehaved"
            message = "the decoder's answer about it makes no sense; keep the file and report it"
        }
    }
}

extension Preparation {
    /// What a decoder answered, if it makes sense: a decoder that was taken over can answer anything.
    fileprivate init?(_ reply: DecoderReply, pixels: [UInt8]) {
        switch reply {
        case .refused(let refusal, let identity, let timing):
            guard Self.isCode(refusal.code), refusal.message.utf8.count <= 1000 else { return nil }
            self.init(refused: refusal)
            self.identity = identity
            (decodeMilliseconds, renderMilliseconds) = (timing.decode, timing.render)
        case .ready(let accepted):
            let (width, height) = (accepted.width, accepted.height)
            guard (1...65_535).contains(width), (1...65_535).contains(height), pixels.count == width * height,
                accepted.gate.isAccepted, accepted.flags.allSatisfy(Self.isCode)
            else { return nil }
            let picture = GreyPicture(width: width, height: height, pixels: pixels)
            let radiograph = Radiograph(picture: picture, provenance: accepted.provenance)
            self.init(ready: Ready(radiograph: radiograph, gate: accepted.gate, flags: accepted.flags))
            identity = accepted.identity
            (decodeMilliseconds, renderMilliseconds) = (accepted.timing.decode, accepted.timing.render)
        default:
            return nil
        }
    }

    private static func isCode(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (97...122).contains($0) || (48...57).contains($0) }
    }
}
