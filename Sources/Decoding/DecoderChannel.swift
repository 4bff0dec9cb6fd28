import CConfinement
import FoundationEssentials
import Glibc

/// Messages over a stream socket: the lengths of a JSON text and of the bytes after it, then both.
///
/// Nothing that comes in is believed: lengths are bounded before memory is had for them.
struct DecoderChannel {
    let socket: Int32

    /// A message that came in.
    struct Message {
        var json: [UInt8]
        var bytes: [UInt8]

        func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
            do {
                return try JSONDecoder().decode(Value.self, from: Data(json))
            } catch {
                throw DecoderFailure.nonsense
            }
        }
    }

    /// The peer is gone, or too slow.
    enum Failure: Error {
        case closed, timedOut, tooLong
    }

    /// Sends `message`, and `bytes` after it.
    func send(_ message: some Encodable, _ bytes: [UInt8] = []) throws {
        let json = [UInt8](try JSONEncoder().encode(message))
        let lengths = [UInt64(json.count).littleEndian, UInt64(bytes.count).littleEndian]
        try lengths.withUnsafeBytes(send)
        try json.withUnsafeBytes(send)
        if !bytes.isEmpty { try bytes.withUnsafeBytes(send) }
    }

    /// Receives a message of at most `limit` bytes, by `deadline` (CLOCK_MONOTONIC nanoseconds; nil: for ever).
    func receive(limit: Int, deadline: Int64?) throws -> Message {
        let lengths = try receive(UInt64.self, count: 2, deadline).map { UInt64(littleEndian: $0) }
        guard lengths[0] <= UInt64(limit), lengths[1] <= UInt64(limit) else { throw Failure.tooLong }
        return Message(
            json: try receive(UInt8.self, count: Int(lengths[0]), deadline),
            bytes: try receive(UInt8.self, count: Int(lengths[1]), deadline))
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        guard CConfinement_send(socket, bytes.baseAddress, bytes.count) == 0 else { throw Failure.closed }
    }

    private func receive<Value>(_: Value.Type, count: Int, _ deadline: Int64?) throws -> [Value] {
        var status: Int32 = 0
        let values = [Value](unsafeUninitializedCapacity: count) { buffer, filled in
            let size = count * MemoryLayout<Value>.stride
            status = CConfinement_receive(socket, buffer.baseAddress, size, deadline ?? -1)
            filled = status == 0 ? count : 0
        }
        guard status == 0 else { throw status == ETIMEDOUT ? Failure.timedOut : Failure.closed }
        return values
    }
}
