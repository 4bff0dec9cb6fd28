/// Bounds on what an object may make the decoder do, so that no header is believed without limit.
public struct DICOMLimits: Sendable {
    /// Sequences in sequences; DCMTK parses by recursion.
    public var nestingDepth = 64
    /// Elements in the whole object; DCMTK spends a few hundred bytes on each.
    public var elements = 1_000_000
    /// Bytes of a deflated data set once inflated.
    public var inflatedBytes = 1 << 28
    /// Rows × Columns × Samples per Pixel of one frame. The largest digital radiographs have some 30 million.
    public var samplesPerFrame = 1 << 27

    /// The bounds that hold unless others are given.
    public init() {}
}
