import Crypto
import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite("Canonical JSON (RFC 8785)")
struct CanonicalJSONTests {
    private func canonical(_ text: String) throws -> String {
        String(decoding: try CanonicalJSON.encode(JSONParser.parse(Array(text.utf8))), as: UTF8.self)
    }

    @Test(
        "numbers of RFC 8785, appendix B",
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
            (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
            (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
            (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
            (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
            (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
            (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
            (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
            (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
        ] as [(UInt64, String)])
    func numbers(bits: UInt64, text: String) throws {
        let value = Double(bitPattern: bits)
        #expect(try CanonicalJSON.encode(.number(value)) == Array(text.utf8))
        #expect(try canonical(text) == text)
    }

    @Test("infinity and NaN have no form", arguments: [Double.infinity, -.infinity, .nan])
    func notFinite(value: Double) {
        #expect(throws: LedgerError.self) { try CanonicalJSON.encode(.number(value)) }
        #expect(throws: LedgerError.self) { try DecimalText.encode(value) }
        #expect(throws: LedgerError.self) { try DecimalText.encode(Float(value)) }
    }

    /// The digests of the first lines of es6testfile100m.txt, published with RFC 8785's test data.
    @Test(
        "the first numbers of the published hundred million",
        arguments: [
            (1000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"),
            (10_000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"),
        ] + (Drill.isLong ? [(1_000_000, "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16")] : []))
    func publishedNumbers(count: Int, digest: String) {
        var numbers = ECMAScriptNumberVectors()
        var hasher = SHA256()
        for _ in 0..<count {
            let value = numbers.next()
            let line = String(value.bitPattern, radix: 16) + "," + ECMAScriptNumber.text(value) + "\n"
            hasher.update(data: Array(line.utf8))
        }
        #expect(MerkleHash(Array(hasher.finalize()))?.hexadecimal == digest)
    }

    // github.com/cyberphone/json-canonicalization, testdata; RFC 8785, sections 3.2.2 and 3.2.3.
    @Test(
        "published texts",
        arguments: [
            (
                #"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
                #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
            ),
            (
                #"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
                "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{FB33}\":\"Hebrew Letter Dalet With Dagesh\"}"
            ),
            (#"[56,{"d":true,"10":null,"1":[]}]"#, #"[56,{"1":[],"10":null,"d":true}]"#),
            (
                #"{"1":{"f":{"f":"hi","F":5},"\n":56.0},"10":{},"":"empty","a":{},"111":[{"e":"yes","E":"no"}],"A":{}}"#,
                #"{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}"#
            ),
            (#"{"Unnormalized Unicode":"A\u030a"}"#, "{\"Unnormalized Unicode\":\"A\u{30A}\"}"),
            (" [ -0 , 0.0, 1.0, -1e0, 100e-2 ] ", "[0,0,1,-1,1]"),
        ])
    func publishedTexts(input: String, expected: String) throws {
        #expect(Array(try canonical(input).utf8) == Array(expected.utf8))
    }

    @Test(
        "what is not JSON, or read differently by different readers, is refused",
        arguments: [
            "", " ", "{", "[1,]", "[1 2]", #"{"a":1,}"#, #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{a:1}"#, "01",
            "-", "+1",
            ".5", "1.", "1e", "1e999", "NaN", "Infinity", "nul", "truer", "1 2", "\"", #""\x""#, #""\u12""#,
            #""\u+123""#,
            #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#, "\"\u{1}\"", "\"\n\"", "'a'", "\u{FEFF}1", "// x\n1",
        ])
    func malformed(text: String) {
        #expect(throws: LedgerError.self, "\(text)") { try JSONParser.parse(Array(text.utf8)) }
    }

    @Test(
        "bytes that are not UTF-8 are refused, surrogates and overlong forms among them",
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
            [0xE0, 0x80, 0x80],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        let text = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
        #expect(throws: LedgerError.self) { try JSONParser.parse(text) }
        let member = Array("{\"a\":".utf8) + text + Array("}".utf8)
        #expect(!member.withUnsafeBytes { CanonicalScanner.isCanonicalObject($0) })
    }

    @Test("nesting and size are limited")
    func limits() throws {
        let deep = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try JSONParser.parse(Array(deep(JSONParser.maximumDepth).utf8))
        #expect(throws: LedgerError.self) { try JSONParser.parse(Array(deep(JSONParser.maximumDepth + 1).utf8)) }
        let text = { (count: Int) in Array(("\"" + String(repeating: "a", count: count - 2) + "\"").utf8) }
        _ = try JSONParser.parse(text(65_535))
        #expect(throws: LedgerError.self) { try JSONParser.parse(text(65_536)) }
    }

    @Test("names that Swift takes for equal are different members")
    func canonicalEquivalence() throws {
        var object = JSONObject()
        object["\u{E9}"] = .integer(1)
        object["e\u{301}"] = .integer(2)
        #expect(object.members.count == 2)
        #expect(object["\u{E9}"] == .integer(1))
        #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
        #expect(JSONValue.number(2) == .integer(2))
        object["\u{E9}"] = nil
        #expect(object.members.map(\.value) == [.integer(2)])
    }

    @Test("the scanner accepts what the serialiser writes and nothing else")
    func scanner() throws {
        var generator = SeededGenerator(state: 8785)
        for _ in 0..<Drill.rounds(short: 400, long: 40_000) {
            let bytes = try CanonicalJSON.encode(.object(RandomJSON.object(using: &generator)))
            #expect(bytes.withUnsafeBytes { CanonicalScanner.isCanonicalObject($0) })
            #expect(try CanonicalJSON.encode(JSONParser.parse(bytes, maximumBytes: .max)) == bytes)
            var changed = bytes
            let position = Int.random(in: 0..<changed.count, using: &generator)
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: changed[position] = UInt8.random(in: 0...255, using: &generator)
            case 1: changed.remove(at: position)
            default: changed.insert(Array(" ,\"0\\u{}[].eE-".utf8).randomElement(using: &generator)!, at: position)
            }
            let value = try? JSONParser.parse(changed, maximumBytes: .max)
            let isCanonical =
                try value.map { try CanonicalJSON.encode($0) } == changed && changed.first == UInt8(ascii: "{")
            let text = String(decoding: changed, as: UTF8.self)
            #expect(changed.withUnsafeBytes { CanonicalScanner.isCanonicalObject($0) } == isCanonical, "\(text)")
        }
    }

    @Test(
        "not canonical, though JSON",
        arguments: [
            #"{"b":1,"a":2}"#, #"{"a":1,"a":2}"#, #"{ "a":1}"#, #"{"a":1} "#, #"{"a":1.0}"#, #"{"a":1E2}"#,
            #"{"a":-0}"#,
            #"{"a":"\u0041"}"#, #"{"a":"\/"}"#, #"{"a":"\u000A"}"#, #"{"a":"\u000a"}"#, #"{"a":"\u001F"}"#, #"[1]"#,
            #"{"\ud83d\ude00":1}"#, "{\"\u{FB33}\":1,\"😀\":2}", #"{"a":9007199254740993}"#, #"{"a":01}"#,
            #"{"\n":1,"\b":1}"#,
        ])
    func notCanonical(text: String) {
        #expect(!Array(text.utf8).withUnsafeBytes { CanonicalScanner.isCanonicalObject($0) })
    }

    @Test("decimal texts lead back to the same bits, and each number has one")
    func decimalText() throws {
        var generator = SeededGenerator(state: 754)
        for _ in 0..<Drill.rounds(short: 5000, long: 1_000_000) {
            let float = Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator))
            if float.isFinite {
                #expect(DecimalText.float(try DecimalText.encode(float))?.bitPattern == float.bitPattern)
            }
            let double = Double(bitPattern: UInt64.random(in: 0 ... .max, using: &generator))
            if double.isFinite {
                #expect(DecimalText.double(try DecimalText.encode(double))?.bitPattern == double.bitPattern)
            }
        }
        #expect(try DecimalText.encode(Float(0.1)) == "0.1")
        #expect(try DecimalText.encode(Float(-0.0)) == "-0")
        #expect(try DecimalText.encode(Float(16_777_216)) == "16777216")
        #expect(try DecimalText.encode(Float.leastNonzeroMagnitude) == "1e-45")
        for text in ["0.10", "1e-1", "+1", "1.0", "0x1p3", "nan", "inf", "", " 1", "1e0"] {
            #expect(DecimalText.double(text) == nil)
            #expect(DecimalText.float(text) == nil)
        }
    }
}
