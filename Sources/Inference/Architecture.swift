/// A network that a description can name instead of spelling out its graph.
public enum Architecture: String, Sendable, CaseIterable {
    /// `InceptionV4.cxrRisk`
    case cxrRisk = "cxr-risk"
    /// `InceptionV4.classifier`
    case inceptionV4 = "inception-v4"
    /// `Xception.classifier`
    case xception

    /// The network as published, at full width, with so many logits.
    public func network(classes: Int) -> ModelDescription.NetworkReference {
        switch self {
        case .cxrRisk: .cxrRisk(width: 1, hidden: 512, classes: classes)
        case .inceptionV4: .inceptionV4(width: 1, classes: classes)
        case .xception: .xception(width: 1, classes: classes)
        }
    }

    /// Rows and columns of the pictures on which the published weights were trained.
    public var pictureSize: Int { self == .cxrRisk ? 224 : 299 }
}
