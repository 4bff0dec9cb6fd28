/// Verifies a log from its checkpoints, tiles and entries, with nothing else but keys.
///
/// Every entry is hashed, every tile compared with what it should hold, every checkpoint with the root of the entries up
/// to its size. Reads each file once and keeps the right edge of the tree: constant memory for any number of entries.
public struct LedgerVerifier: Sendable {
    /// Which signatures a checkpoint needs.
    public var policy: CheckpointPolicy
    /// Checkpoints that were kept outside: what the log must still say.
    public var outsideCheckpoints: [Checkpoint]

    /// A verifier for the log that `policy` describes.
    public init(policy: CheckpointPolicy, outsideCheckpoints: [Checkpoint] = []) {
        self.policy = policy
        self.outsideCheckpoints = outsideCheckpoints
    }

    /// Verifies the log up to the newest of `checkpoints`, which are signed notes in any order.
    /// - Parameter inspect: gets each entry's index and bytes, in order, to check other things against; must not keep
    ///   the bytes.
    /// - Throws: what `reader` and `inspect` throw. What is wrong with the log is in the report.
    public func verify(
        checkpoints: [[UInt8]], reader: some LedgerReader,
        inspect: ((_ index: Int, _ entry: UnsafeRawBufferPointer) throws -> Void)? = nil
    ) throws -> VerificationReport {
        var report = VerificationReport()
        let milestones = open(checkpoints, report: &report)
        guard report.checkpoints > 0 else {
            report.add(.init(.noCheckpoint, at: nil, "no checkpoint could be believed; nothing else was checked"))
            return report
        }
        var walk = LedgerWalk(milestones: milestones, report: report)
        try walk.run(reader: reader, inspect: inspect)
        return walk.report
    }

    /// The roots that the log must have, by size, and the newest checkpoint in the report.
    private func open(_ checkpoints: [[UInt8]], report: inout VerificationReport) -> [LedgerMilestone] {
        var milestones: [LedgerMilestone] = []
        for (position, bytes) in checkpoints.enumerated() {
            do {
                let checkpoint = try policy.open(SignedNote(parsing: bytes)).checkpoint
                report.checkpoints += 1
                if let other = milestones.first(where: { $0.size == checkpoint.size }) {
                    guard other.root != checkpoint.root else { continue }
                    report.add(
                        .init(
                            .fork, at: checkpoint.size,
                            "two signed checkpoints of size \(checkpoint.size) have different roots"))
                }
                milestones.append(LedgerMilestone(size: checkpoint.size, root: checkpoint.root, isOutside: false))
            } catch {
                report.add(
                    .init(.checkpointRefused, at: nil, "checkpoint \(position + 1) of \(checkpoints.count): \(error)"))
            }
        }
        if let newest = milestones.max(by: { $0.size < $1.size }) {
            report.treeSize = newest.size
            report.root = newest.root
        }
        for checkpoint in outsideCheckpoints {
            guard checkpoint.origin == policy.origin else {
                report.add(
                    .init(
                        .checkpointRefused, at: checkpoint.size,
                        "the checkpoint kept outside is of “\(checkpoint.origin)”, not of “\(policy.origin)”"))
                continue
            }
            if checkpoint.size > report.treeSize {
                report.add(
                    .init(
                        .rolledBack, at: report.treeSize,
                        "a checkpoint kept outside has \(checkpoint.size) entries, the log only \(report.treeSize)"))
            } else {
                milestones.append(LedgerMilestone(size: checkpoint.size, root: checkpoint.root, isOutside: true))
            }
        }
        return milestones.sorted { $0.size < $1.size }
    }
}

/// A root that the log must have at a size.
struct LedgerMilestone: Sendable {
    var size: Int
    var root: MerkleHash
    var isOutside: Bool
}
