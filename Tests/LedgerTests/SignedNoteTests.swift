import Crypto
import Testing

@testable import Ledger

@Suite("Signed notes (C2SP signed-note)")
struct SignedNoteTests {
    // The keys and texts of golang.org/x/mod/sumdb/note's tests.
    private static let peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    private static let peterPrivate = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    private static let enoch = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
    private static let text =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    private static let peterLine =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    private static let enochLine =
        "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

    private func parse(_ text: String) throws -> SignedNote { try SignedNote(parsing: Array(text.utf8)) }

    @Test("a key's text is read and written; any part or change of it is refused")
    func verifierKeys() throws {
        let text = Self.peter
        let verifier = try NoteVerifier(text)
        #expect(verifier.description == text)
        #expect(verifier.name == "PeterNeumann")
        #expect(verifier.id.hash == 0xC74F_20A3)
        for start in text.indices {
            for end in text.indices[start...] where start != text.startIndex {
                #expect(throws: LedgerError.self) { try NoteVerifier(String(text[start...end])) }
            }
        }
        for count in 0..<text.utf8.count {
            #expect(throws: LedgerError.self) { try NoteVerifier(String(text.prefix(count))) }
            var changed = Array(text.utf8)
            changed[count] += 1
            #expect(throws: LedgerError.self) { try NoteVerifier(String(decoding: changed, as: UTF8.self)) }
        }
        // A key of the wrong length and one of an unknown type, each with its own id.
        for bad in [
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            #expect(throws: LedgerError.self) { try NoteVerifier(bad) }
        }
    }

    @Test("a signer's text is read and written, and changes of it are refused without repeating it")
    func signerKeys() throws {
        let signer = try NoteSigner(privateKey: Self.peterPrivate)
        #expect(signer.verifier == (try NoteVerifier(Self.peter)))
        #expect(signer.privateKeyText == Self.peterPrivate)
        for count in 0..<Self.peterPrivate.utf8.count {
            var changed = Array(Self.peterPrivate.utf8)
            changed[count] += 1
            for text in [String(Self.peterPrivate.prefix(count)), String(decoding: changed, as: UTF8.self)] {
                let error = #expect(throws: LedgerError.self) { try NoteSigner(privateKey: text) }
                #expect(error?.message.contains("YEKFALVFGyNh") == false)
            }
        }
    }

    @Test("a note is signed as Go signs it, and a second signature by a key takes the place of its first")
    func signing() throws {
        let signer = try NoteSigner(privateKey: Self.peterPrivate)
        var note = try SignedNote(text: Self.text, signatures: [signer.sign(Self.text)])
        #expect(note.description == Self.text + "\n" + Self.peterLine)
        note.add(try signer.sign(Self.text))
        #expect(note.description == Self.text + "\n" + Self.peterLine)
        #expect(throws: LedgerError.self) { try signer.sign("abc") }
        #expect(throws: LedgerError.self) { try signer.sign("a\u{1}\n") }
    }

    @Test("signatures by unknown keys are ignored, whatever they are")
    func unknownKeys() throws {
        let peter = try NoteVerifier(Self.peter)
        let enoch = try NoteVerifier(Self.enoch)
        let note = try parse(Self.text + "\n" + Self.peterLine + Self.enochLine)
        #expect(note.text == Self.text)
        #expect(try note.verifiedSignatures(by: [peter]).map(\.verifier) == [peter])
        #expect(try note.verifiedSignatures(by: [enoch, peter]).map(\.verifier) == [peter, enoch])
        #expect(try note.verifiedSignatures(by: []).isEmpty)
        // The same name with another id, and the same id under another name, are other keys.
        let other = Self.peterLine.replacing("x08g", with: "xxxx")
        let misnamed = Self.peterLine.replacing("PeterNeumann", with: "CarmenSandiego")
        #expect(try parse(Self.text + "\n" + other + misnamed).verifiedSignatures(by: [peter]).isEmpty)
        // A repeated signature counts once.
        let repeated = try parse(Self.text + "\n" + Self.peterLine + Self.peterLine)
        #expect(try repeated.verifiedSignatures(by: [peter]).count == 1)
    }

    @Test("a signature by a known key that does not verify spoils the note")
    func invalidSignature() throws {
        let peter = try NoteVerifier(Self.peter)
        let longer = Self.peterLine.prefix(60) + "ABCD" + Self.peterLine.dropFirst(60)
        for (text, line) in [
            (Self.text, String(longer)), (Self.text.replacing("answer", with: "anzwer"), Self.peterLine),
        ] {
            let note = try parse(text + "\n" + line)
            #expect(throws: LedgerError.self) { try note.verifiedSignatures(by: [peter]) }
        }
    }

    @Test("what is not a signed note is refused")
    func malformed() throws {
        let whole = Self.text + "\n" + Self.peterLine
        var malformed = [
            Self.text, Self.text + "\n", String(whole.dropLast()), "\u{1}" + whole, whole + "Unexpected line.\n",
            whole + "\n", Self.text + Self.peterLine, Self.peterLine, "",
            Self.text + "\n" + String(repeating: Self.peterLine, count: 101),
            Self.text + "\n— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZI=\n", Self.text + "\n— a+b x08go/ZJ\n",
            Self.text + "\n—  x08go/ZJ\n", Self.text + "\n— a x08goA==\n"[...].replacing("x08goA==", with: "x08g"),
            Self.text + "\n— a x08go/Z\n", Self.text + "\n- a x08go/ZJ\n", Self.text + "\n— a\u{A0}b x08go/ZJ\n",
            whole.replacing("\n", with: "\r\n"),
        ]
        malformed.append(String(repeating: "a", count: SignedNote.maximumBytes) + whole)
        for text in malformed { #expect(throws: LedgerError.self, "\(text.prefix(300))") { try parse(text) } }
        #expect(throws: LedgerError.self) { try SignedNote(parsing: [0xFF] + Array(whole.utf8)) }
        #expect(try parse(Self.text + "\n" + String(repeating: Self.peterLine, count: 100)).signatures.count == 100)
    }

    @Test("the text ends at the last empty line")
    func emptyLines() throws {
        let note = try parse("a\n\nb\n\n" + Self.peterLine)
        #expect(note.text == "a\n\nb\n")
        // The specification's example: a poem with an empty line and letters outside of ASCII.
        let poem = """
            Ognuno sta solo sul cuor della terra
            trafitto da un raggio di sole:

            ed è subito sera.

            — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=

            """
        let parsed = try parse(poem)
        #expect(parsed.text.hasSuffix("ed è subito sera.\n"))
        #expect(parsed.signatures.map(\.id.description) == ["quasimodo.example/salvatore+367ba04b"])
        #expect(parsed.description == poem)
    }

    @Test("base 64 has one form")
    func base64() {
        #expect(Base64.decode("") == [])
        #expect(Base64.decode("Zg==") == [0x66])
        #expect(Base64.decode("Zm8=") == Array("fo".utf8))
        #expect(Base64.decode("Zm9vYmFy") == Array("foobar".utf8))
        for text in ["Zh==", "Zm9=", "Zg=", "Zg", "Zg===", "====", "=", "Zg==Zg==", "Zm9v\n", "Zm_v", " Zm9v", "A==="] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ count) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }
}
