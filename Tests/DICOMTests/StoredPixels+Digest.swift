import Crypto
import DICOM

extension StoredPixels {
    /// SHA-256 over the values as little-endian 32-bit integers, in hexadecimal.
    var digest: String {
        var hash = SHA256()
        withLittleEndianInt32Chunks { hash.update(bufferPointer: $0) }
        return hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
