import CConfinement
import Crypto
import DICOM
import Glibc
import Imaging

/// The decoder process itself: sets up, confines itself, then answers requests until its socket is closed.
public enum DecoderService {
    /// The environment variable that bounds the address space, in bytes.
    static let addressSpaceVariable = "LONGVIEW_DECODER_ADDRESS_SPACE"

    /// Runs the process to its end. Its descriptors are those that ``DecoderProcess`` gave it.
    public static func run() -> Never {
        let channel = DecoderChannel(socket: CConfinement_socket)
        // Started by hand: there is nobody to talk to.
        guard fcntl(CConfinement_socket, F_GETFD) >= 0, fcntl(CConfinement_memory, F_GETFD) >= 0 else {
            let text = "longview-decoder is started by longview and of no use by itself\n"
            _ = write(STDERR_FILENO, text, text.utf8.count)
            exit(64)
        }
        var complaint: String?
        do { try Rehearsal.run() } catch { complaint = "\(error)" }
        var limits = DecoderLimits()
        if let text = getenv(addressSpaceVariable), let bytes = Int(String(cString: text)) {
            limits.addressSpace = bytes
        }
        let confinement = Confinement.apply(limits)
        var memory = SharedBytes()
        do {
            try channel.send(DecoderGreeting(confinement: confinement, complaint: complaint))
            while true {
                let sized = try channel.receive(limit: 1 << 20, deadline: nil).decoded(SizedRequest.self)
                let bytes = memory.bytes(count: sized.count, capacity: sized.capacity)
                let (reply, pixels) = answer(sized.request, about: bytes)
                try channel.send(reply, pixels)
            }
        } catch {
            // The program that started this process closed its end, or is gone.
            exit(0)
        }
    }

    /// Answers every request about `bytes` and forgets the answers: for the fuzzer.
    public static func exercise(_ bytes: [UInt8]) {
        for request in [DecoderRequest.prepare(.cxrRisk), .identity, .attributes, .digest, .picture(.cxrRisk)] {
            _ = answer(request, about: bytes)
        }
    }

    private static func answer(_ request: DecoderRequest, about bytes: [UInt8]) -> (DecoderReply, [UInt8]) {
        do {
            switch request {
            case .prepare(let profile):
                return DecoderReply.prepared(try Preparation(bytes, profile: profile))
            case .identity:
                return (.identity(DICOMIdentity(try DICOMObject(bytes: bytes))), [])
            case .attributes:
                let object = try DICOMObject(bytes: bytes)
                return (
                    .attributes(
                        AttributeListing(
                            transferSyntaxUID: object.transferSyntaxUID, deviations: object.deviations,
                            attributes: object.attributes)), []
                )
            case .digest:
                return (.digest(try StoredPixelDigest(try DICOMObject(bytes: bytes))), [])
            case .picture(let profile):
                let picture = try RenderedPicture(bytes, profile: profile)
                return (
                    .picture(width: picture.width, height: picture.height, channels: picture.channels), picture.pixels
                )
            case .drill(let drill):
                return (.drill(drill.perform()), [])
            }
        } catch let error as DICOMError where error.code == .libraryUnusable {
            return (.broken(error.message), [])
        } catch let error as DICOMError {
            return (.unreadable(code: error.code.rawValue, message: error.description), [])
        } catch let error as ImagingError {
            return (.unreadable(code: error.code.rawValue, message: error.message), [])
        } catch {
            return (.broken("the decoder failed in an unforeseen way"), [])
        }
    }
}

/// The shared memory as the decoder sees it.
private struct SharedBytes {
    private var region: UnsafeMutableRawPointer?
    private var capacity = 0

    /// A copy of the first `count` bytes: what is parsed must not change under the parser, whoever holds the memory.
    mutating func bytes(count: Int, capacity: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        if capacity != self.capacity {
            if let region { munmap(region, self.capacity) }
            let mapped = mmap(nil, capacity, PROT_READ, MAP_SHARED, CConfinement_memory, 0)
            guard let mapped, mapped != MAP_FAILED else { fatalError("the shared memory can't be mapped") }
            region = mapped
            self.capacity = capacity
        }
        guard let region, count <= capacity else { fatalError("more bytes than there is shared memory") }
        return [UInt8](UnsafeRawBufferPointer(start: region, count: count))
    }
}

extension StoredPixelDigest {
    /// Decodes the first frame of `object`.
    init(_ object: DICOMObject) throws {
        let pixels = try object.storedPixels()
        var hash = SHA256()
        pixels.withLittleEndianInt32Chunks { hash.update(bufferPointer: $0) }
        transferSyntaxUID = object.transferSyntaxUID
        photometricInterpretation = pixels.photometricInterpretation
        (rows, columns, frames, bitsStored) = (pixels.rows, pixels.columns, pixels.frameCount, pixels.bitsStored)
        (minimum, maximum) = (pixels.minimum, pixels.maximum)
        sha256 = hash.finalize().lowerCaseHex
    }
}

extension DecoderReply {
    /// The answer that carries `preparation`, and the picture's pixels.
    fileprivate static func prepared(_ preparation: Preparation) -> (DecoderReply, [UInt8]) {
        let timing = Timing(decode: preparation.decodeMilliseconds, render: preparation.renderMilliseconds)
        switch preparation.result {
        case .refused(let refusal):
            return (.refused(refusal, preparation.identity, timing), [])
        case .ready(let ready):
            let picture = ready.radiograph.picture
            let accepted = Accepted(
                identity: preparation.identity, provenance: ready.radiograph.provenance, gate: ready.gate,
                flags: ready.flags, width: picture.width, height: picture.height, timing: timing)
            return (.ready(accepted), picture.pixels)
        }
    }
}
