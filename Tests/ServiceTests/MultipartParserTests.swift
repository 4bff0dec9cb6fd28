import TestSupport
import Testing

@testable import Service

@Suite("Multipart bodies")
struct MultipartParserTests {
    /// What a body turns out to hold.
    private struct Outcome: Equatable {
        struct Part: Equatable {
            var header: [String: String]
            var content: [UInt8] = []
            var isWhole = false
        }
        var parts: [Part] = []
        var failure: MultipartParser.Failure?
    }

    /// Parts with all that looks like a boundary and is none, with folded, odd and missing headers, and text around.
    private static let body = Array(
        """
        This is a preamble.\r\n--other\r\n--b:1\r\nContent-Type: application/dicom;\r\n \ttransfer-syntax=1.2\r\n\
        X-Empty:\r\n\r\nfirst\r\n--b:\r\n--b\r\r\n-\r\n\r\n--\r\n--b:1 \t \r\nContent-Type:application/dicom\r\n\r\n\r\n--b:1\r\n\r\n\
        --b;1\r\n\r\n--b:1\r\nContent-Location: 3\r\n\r\n--b:1\r\nA: b\r\n\r\n\r\r\n--b:1-- \r\nThis is an epilogue.\r\n--b:1\r\n
        """.utf8)

    private static let expected: [Outcome.Part] = [
        .init(
            header: ["content-type": "application/dicom; transfer-syntax=1.2", "x-empty": ""],
            content: Array("first\r\n--b:\r\n--b\r\r\n-\r\n\r\n--".utf8), isWhole: true),
        .init(header: ["content-type": "application/dicom"], isWhole: true),
        .init(header: [:], content: Array("--b;1\r\n".utf8), isWhole: true),
        .init(header: ["content-location": "3"], isWhole: true),
        .init(header: ["a": "b"], content: [0x0D], isWhole: true),
    ]

    private func parse(
        _ pieces: some Sequence<ArraySlice<UInt8>>, boundary: String = "b:1", limits: MultipartParser.Limits = .init()
    ) -> Outcome {
        var outcome = Outcome()
        guard var parser = MultipartParser(boundary: boundary, limits: limits) else {
            Issue.record("no boundary")
            return outcome
        }
        do throws(MultipartParser.Failure) {
            for piece in pieces {
                var input = piece
                while let event = try parser.next(&input) {
                    switch event {
                    case .partBegan(let header): outcome.parts.append(.init(header: header))
                    case .content(let bytes):
                        #expect(!bytes.isEmpty)
                        outcome.parts[outcome.parts.count - 1].content += bytes
                    case .partEnded: outcome.parts[outcome.parts.count - 1].isWhole = true
                    }
                }
                #expect(input.isEmpty)
            }
            try parser.finish()
        } catch { outcome.failure = error }
        return outcome
    }

    private func pieces(of body: [UInt8], size: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: body.count, by: size).map { body[$0..<min($0 + size, body.count)] }
    }

    @Test("the parts are the same wherever the body is cut, once, into equal pieces, or at random")
    func splits() {
        let body = Self.body
        for cut in 0...body.count {
            let outcome = parse([body[..<cut], body[cut...]])
            #expect(outcome == Outcome(parts: Self.expected), "cut at \(cut)")
        }
        for size in 1...body.count { #expect(parse(pieces(of: body, size: size)) == Outcome(parts: Self.expected)) }
        var generator = SeededGenerator(state: 1)
        for _ in 0..<300 {
            var cuts: [ArraySlice<UInt8>] = []
            var rest = body[...]
            while !rest.isEmpty {
                let count = Int.random(in: 0...min(12, rest.count), using: &generator)
                cuts.append(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
            #expect(parse(cuts) == Outcome(parts: Self.expected))
        }
    }

    @Test("a body that ends too early is never whole, and its last part not either")
    func truncated() throws {
        let end = try #require((0..<Self.body.count).last { Self.body[$0...].starts(with: Array("\r\n--b:1-- ".utf8)) })
        for count in 0..<(end + 9) {
            let outcome = parse([Self.body[..<count]])
            #expect(outcome.failure != nil, "of \(count) bytes")
            #expect(outcome.parts.filter(\.isWhole).count < Self.expected.count)
            #expect(zip(outcome.parts, Self.expected).allSatisfy { !$0.isWhole || $0 == $1 })
        }
        #expect(parse([Self.body[..<(end + 9)]]).failure == nil)
    }

    @Test("whatever is changed in a body, it is taken apart the same way whole and byte by byte, within its limits")
    func mutations() {
        var generator = SeededGenerator(state: 2)
        let alphabet = Array("\r\n-b:1 \tA;\0\u{7F}".utf8)
        let limits = MultipartParser.Limits(
            parts: 5, partBytes: 60, headerBytes: 90, headerFields: 3, outsideBytes: 60)
        var failures = 0
        for _ in 0..<4000 {
            var body = Self.body
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<body.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: body[place] = alphabet.randomElement(using: &generator)!
                case 1: body.insert(alphabet.randomElement(using: &generator)!, at: place)
                case 2: body.removeSubrange(place..<min(place + 3, body.count))
                default: body.insert(contentsOf: body[place..<min(place + 9, body.count)], at: place)
                }
            }
            let whole = parse([body[...]], limits: limits)
            let bytewise = parse(pieces(of: body, size: 1), limits: limits)
            // A part that is too large is given up before any of the piece that makes it so is handed on.
            #expect(whole.failure == bytewise.failure)
            if whole.failure != .partTooLarge { #expect(whole == bytewise) }
            #expect(bytewise.parts.count <= 5 && bytewise.parts.allSatisfy { $0.content.count <= 60 })
            if whole.failure != nil { failures += 1 }
        }
        #expect((400..<3600).contains(failures), "mutations that matter, and ones that don't")
    }

    @Test("each limit is one: what is just within it passes, one more does not")
    func limits() {
        func body(_ header: String, _ content: String, before: String = "") -> ArraySlice<UInt8> {
            Array("\(before)\r\n--b\r\n\(header)\r\n\(content)\r\n--b--".utf8)[...]
        }
        func failure(_ body: ArraySlice<UInt8>, _ limits: MultipartParser.Limits) -> MultipartParser.Failure? {
            parse([body], boundary: "b", limits: limits).failure
        }
        #expect(failure(body("", "12345"), .init(partBytes: 5)) == nil)
        #expect(failure(body("", "123456"), .init(partBytes: 5)) == .partTooLarge)
        #expect(failure(body("A: b\r\n", ""), .init(headerBytes: 8)) == nil)
        #expect(
            failure(body("A: bc\r\n", ""), .init(headerBytes: 8)) == .malformed("a part's header has more than 8 bytes")
        )
        #expect(failure(body("A: b\r\nC: d\r\n", ""), .init(headerFields: 2)) == nil)
        #expect(
            failure(body("A: b\r\nC: d\r\nE: f\r\n", ""), .init(headerFields: 2))
                == .malformed("a part's header has more than 2 fields"))
        let three = Array("--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b\r\n\r\n3\r\n--b--".utf8)[...]
        #expect(failure(three, .init(parts: 3)) == nil)
        #expect(failure(three, .init(parts: 2)) == .tooManyParts)
        #expect(failure(body("", "", before: "1234"), .init(outsideBytes: 4)) == nil)
        #expect(
            failure(body("", "", before: "12345"), .init(outsideBytes: 4))
                == .malformed("more than 4 bytes lie outside of the parts"))
    }

    @Test(
        "what is no multipart body is refused",
        arguments: [
            "", "--b", "--c\r\n\r\n--c--", "--b\r\n\r\nx\r\n--bc\r\n\r\n--b--", "--b\r\nA\r\n\r\n\r\n--b--",
            "--b\r\n A: b\r\n\r\n\r\n--b--", "--b\r\nA: b\n\r\n\r\n--b--", "--b\r\nA: b\r\na: c\r\n\r\n\r\n--b--",
            "--b\r\nA: \u{1}\r\n\r\n\r\n--b--", "--b\r\n: b\r\n\r\n\r\n--b--", "--b-\r\n\r\n\r\n--b--",
        ])
    func malformed(_ text: String) {
        guard case .malformed = parse([Array(text.utf8)[...]], boundary: "b").failure else {
            Issue.record("taken for one: \(text)")
            return
        }
    }

    @Test("boundaries are 1 to 70 of RFC 2046's characters")
    func boundaries() {
        for good in ["b", String(repeating: "x", count: 70), "a b", "'()+_,-./:=?"] {
            #expect(MultipartParser(boundary: good) != nil)
        }
        for bad in ["", "b ", String(repeating: "x", count: 71), "a\r\nb", "a\"b", "ä"] {
            #expect(MultipartParser(boundary: bad) == nil)
        }
    }

    @Test("media types are read with their parameters, quoted or not")
    func mediaTypes() {
        let type = MediaType(#" Multipart/Related ; TYPE="application/dicom"; boundary="a;\"b" ;; x=y=/z"#)
        #expect(type?.name == "multipart/related")
        #expect(type?.parameters == ["type": "application/dicom", "boundary": "a;\"b", "x": "y=/z"])
        for bad in ["", "multipart", "a/b/c", "a/b; c", "a/b; c=", "a/b; c=\"d", "a/b; c=d; C=e", "a/b; c=\"d\"e", "/"]
        {
            #expect(MediaType(bad) == nil, "\(bad)")
        }
    }
}
