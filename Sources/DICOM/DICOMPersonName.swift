/// A person's name: up to three component groups, each of up to five components (PS3.5 6.2.1).
public struct DICOMPersonName: Hashable, Sendable {
    /// One way of writing the name. A component that is not given is empty.
    public struct Group: Hashable, Sendable {
        /// The family name, or a group of them.
        public let familyName: String
        /// The given name, or several.
        public let givenName: String
        /// The middle name.
        public let middleName: String
        /// What stands before the name, such as a degree.
        public let prefix: String
        /// What stands after it.
        public let suffix: String

        /// The components that are given, in the order of speech: prefix, given, middle, family, suffix.
        public var formatted: String {
            [prefix, givenName, middleName, familyName, suffix].filter { !$0.isEmpty }.joined(separator: " ")
        }

        fileprivate init?(_ text: Substring) {
            let components = text.split(separator: "^", omittingEmptySubsequences: false).map { component in
                String(component.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            guard components.contains(where: { !$0.isEmpty }) else { return nil }
            func component(_ index: Int) -> String { index < components.count ? components[index] : "" }
            familyName = component(0)
            givenName = component(1)
            middleName = component(2)
            prefix = component(3)
            suffix = component(4)
        }
    }

    /// In letters of an alphabet.
    public let alphabetic: Group?
    /// In ideograms, or the script that the person's language is written in.
    public let ideographic: Group?
    /// By sound.
    public let phonetic: Group?

    /// From one value of an attribute, such as `Yamada^Tarou=山田^太郎=やまだ^たろう`.
    public init(_ value: String) {
        let groups = value.split(separator: "=", omittingEmptySubsequences: false)
        func group(_ index: Int) -> Group? { index < groups.count ? Group(groups[index]) : nil }
        alphabetic = group(0)
        ideographic = group(1)
        phonetic = group(2)
    }
}

extension DICOMDataset {
    /// The first value as a person's name; nil if the attribute is absent or empty.
    public func personName(_ tag: DICOMTag) -> DICOMPersonName? { string(tag).map(DICOMPersonName.init) }
}
