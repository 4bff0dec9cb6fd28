/// The text of a policy: C2SP tlog-policy, with one group at most.
///
///     log VKEY
///     witness NAME VKEY
///     group NAME THRESHOLD WITNESS…
///     quorum NAME | none
extension CheckpointPolicy {
    /// The policy of a text.
    /// - Parameter origin: the log's name; nil for the name of its first key.
    /// - Throws: ``LedgerError`` (`malformedPolicy`, `malformedKey`).
    public init(text: String, origin: String? = nil, retiredAt: [NoteKeyID: Int] = [:]) throws {
        func malformed(_ line: some StringProtocol) -> LedgerError {
            LedgerError(.malformedPolicy, "the policy has a line that is not log, witness, group or quorum: “\(line)”")
        }
        var logs: [NoteVerifier] = []
        var witnesses: [(name: String, key: NoteVerifier)] = []
        var group: (name: String, threshold: Int, members: [String])?
        var quorum: String?
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ").map(String.init)
            switch (words.first, words.count) {
            case (nil, _): continue
            case ("log", 2...3): logs.append(try NoteVerifier(words[1]))
            case ("witness", 3...4): witnesses.append((words[1], try NoteVerifier(words[2])))
            case ("group", 4...) where group == nil:
                let members = Array(words[3...])
                let threshold = words[2] == "any" ? 1 : words[2] == "all" ? members.count : Int(words[2])
                guard let threshold else { throw malformed(line) }
                group = (words[1], threshold, members)
            case ("quorum", 2) where quorum == nil: quorum = words[1]
            default: throw malformed(line)
            }
        }
        guard let quorum else { throw LedgerError(.malformedPolicy, "the policy has no line “quorum”") }
        var counted: [NoteVerifier] = []
        var required = 0
        if let group, quorum == group.name {
            counted = witnesses.filter { group.members.contains($0.name) }.map(\.key)
            guard counted.count == group.members.count else {
                throw LedgerError(.malformedPolicy, "the policy's group names a witness that it has no key of")
            }
            required = group.threshold
        } else if let single = witnesses.first(where: { $0.name == quorum }) {
            counted = [single.key]
            required = 1
        } else if quorum != "none" {
            throw LedgerError(.malformedPolicy, "the policy's quorum is neither a group, a witness nor none")
        }
        guard let first = logs.first else { throw LedgerError(.malformedPolicy, "the policy names no log") }
        try self.init(
            origin: origin ?? first.name, logKeys: logs, retiredAt: retiredAt, witnessKeys: counted,
            requiredCosignatures: required)
    }

    /// The text that ``init(text:origin:retiredAt:)`` reads.
    public var text: String {
        var lines = logKeys.map { "log \($0)" }
        for (number, key) in witnessKeys.enumerated() { lines.append("witness w\(number + 1) \(key)") }
        if requiredCosignatures > 0 {
            let names = witnessKeys.indices.map { "w\($0 + 1)" }
            lines.append("group witnesses \(requiredCosignatures) " + names.joined(separator: " "))
            lines.append("quorum witnesses")
        } else {
            lines.append("quorum none")
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
