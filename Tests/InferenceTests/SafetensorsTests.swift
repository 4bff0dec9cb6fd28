import Foundation
import TestSupport
import Inference
import Testing

@Suite struct SafetensorsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("tensors, shapes and metadata are read, whatever the order of keys and spaces")
    func reads() throws {
        var data = Data()
        for value: Float in [1, -2, 3.5] {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
        let file = try folder.safetensors(
            header: #"{ "__metadata__":{"k\u00e9\ud83d\ude00":"v\n"}, "a/\"b":{"data_offsets":[0,12],"shape":[3,1],"#
                + #""dtype":"F32"},"s":{"dtype":"I64","shape":[0],"data_offsets":[12,12]}}   "#, data: data)
        #expect(file.metadata == ["ké😀": "v\n"])
        #expect(file.tensors[#"a/"b"#]?.shape == [3, 1])
        #expect(try file.withFloats(of: #"a/"b"#) { Array($0) } == [1, -2, 3.5])
        #expect(throws: InferenceError.self) { try file.withFloats(of: "s") { $0.count } }
        #expect(throws: InferenceError.self) { try file.withFloats(of: "absent") { $0.count } }
    }

    @Test("floats are read from an odd offset too")
    func unaligned() throws {
        let header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
        let padded = header + String(repeating: " ", count: (9 - header.utf8.count % 8) % 8)
        let file = try folder.safetensors(header: padded, data: Data([0, 0, 0x80, 0x3F]))
        #expect(try file.withFloats(of: "a") { Array($0) } == [1])
    }

    static let hostile: [(String, String, Int)] = [
        ("overlapping tensors", tensors(("a", "[2]", 0, 8), ("b", "[2]", 4, 12)), 12),
        ("a gap between tensors", tensors(("a", "[1]", 0, 4), ("b", "[1]", 8, 12)), 12),
        ("bytes after the last tensor", tensors(("a", "[1]", 0, 4)), 8),
        ("a tensor beyond the end", tensors(("a", "[4]", 0, 16)), 12),
        ("offsets near the largest integer", tensors(("a", "[4]", 9_223_372_036_854_775_791, .max)), 12),
        ("offsets the wrong way round", tensors(("a", "[1]", 4, 0)), 4),
        ("a shape that doesn't fit the offsets", tensors(("a", "[3]", 0, 8)), 8),
        ("a shape whose product overflows", tensors(("a", "[4294967296,4294967296]", 0, 0)), 0),
        ("a negative extent", tensors(("a", "[-1]", 0, 4)), 4),
        ("a fractional extent", tensors(("a", "[1.0]", 0, 4)), 4),
        ("an integer too large", tensors(("a", "[99999999999999999999]", 0, 4)), 4),
        ("an unknown dtype", #"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("a name used twice", tensors(("a", "[1]", 0, 4), ("a", "[1]", 4, 8)), 8),
        ("a key used twice", #"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("an unknown key", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":"y"}}"#, 4),
        ("three offsets", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, 4),
        ("a missing shape", #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4),
        ("a second object", "{}{}", 0),
        ("an unfinished object", #"{"a":"#, 0),
        ("an unfinished string", #"{"a"#, 0),
        ("half of a surrogate pair", #"{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("a list", "[]", 0),
        ("nothing", "", 0),
    ]

    private static func tensors(_ entries: (String, String, Int, Int)...) -> String {
        "{"
            + entries.map { #""\#($0.0)":{"dtype":"F32","shape":\#($0.1),"data_offsets":[\#($0.2),\#($0.3)]}"# }
            .joined(separator: ",") + "}"
    }

    @Test("a file is refused as malformed for", arguments: hostile)
    func refuses(what: String, header: String, dataSize: Int) {
        let error = #expect(throws: InferenceError.self) {
            try folder.safetensors(header: header, data: Data(count: dataSize))
        }
        #expect(error?.code == .malformedWeights, "\(what)")
    }

    @Test("a header length that lies is refused", arguments: [UInt64.max, 1 << 62, 100_000_001, 3, 0])
    func lyingLength(length: UInt64) {
        let bytes = withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data("{}".utf8)
        let error = #expect(throws: InferenceError.self) { try folder.safetensors(bytes) }
        #expect(error?.code == .malformedWeights)
    }

    @Test("every truncation of a valid file is refused")
    func truncated() throws {
        let header = Self.tensors(("a", "[2]", 0, 8), ("b", "[1]", 8, 12))
        let whole = safetensorsBytes(header: header, data: Data(count: 12))
        _ = try folder.safetensors(whole)
        for length in 0..<whole.count {
            let error = #expect(throws: InferenceError.self) { try folder.safetensors(whole.prefix(length)) }
            #expect(error?.code == .malformedWeights, "\(length) bytes")
        }
    }

    @Test("a byte changed anywhere in the header is refused or leaves every tensor within the file")
    func mutated() throws {
        let header = Self.tensors(("a", "[2]", 0, 8), ("b", "[1]", 8, 12))
        let whole = safetensorsBytes(header: header, data: Data(count: 12))
        var random = SeededGenerator(state: 4)
        for _ in 0..<3000 {
            var bytes = whole
            bytes[Int.random(in: 0..<8 + header.utf8.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            guard let file = try? folder.safetensors(bytes) else { continue }
            for (name, tensor) in file.tensors where tensor.dtype == "F32" {
                #expect(try file.withFloats(of: name) { $0.count } == tensor.shape.reduce(1, *))
            }
        }
    }

    @Test("a missing file and a folder are refused as unreadable")
    func unreadable() {
        for url in [folder.url.appendingPathComponent("absent"), folder.url] {
            let error = #expect(throws: InferenceError.self) { try SafetensorsFile(url: url) }
            #expect(error?.code == .unreadable)
        }
    }
}
