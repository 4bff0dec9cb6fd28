import DICOM

/// What a STOW-RS client is told of each instance: the Store Instances Response Module (PS3.18 annex I.2).
struct StoreAnswer: Sendable, Equatable {
    /// An object by its class and instance.
    struct Instance: Sendable, Equatable {
        let classUID, instanceUID: String

        /// Nil where one of them is missing or not well-formed.
        init?(classUID: String?, instanceUID: String?) {
            guard let classUID, let instanceUID, DICOMUID.isValid(classUID), DICOMUID.isValid(instanceUID) else {
                return nil
            }
            self.classUID = classUID
            self.instanceUID = instanceUID
        }
    }

    /// Failure Reason (0008,1197), as DIMSE has it (PS3.4 B.2.3, PS3.7 annex C).
    enum Reason: Int, Sendable, CaseIterable {
        /// Nothing can be taken in just now; to be sent again later.
        case outOfResources = 0xA700
        /// Class or instance are missing, or the study is not the one that was named.
        case doesNotMatch = 0xA900
        /// It can't be read.
        case cannotUnderstand = 0xC000
        /// It could not be stored, and will hardly be next time.
        case processingFailure = 0x0110
    }

    private(set) var stored: [Instance] = []
    private(set) var failed: [(instance: Instance, reason: Reason)] = []
    /// Failures of parts that could not be read so far that they had a name.
    private(set) var nameless: [Reason] = []

    static func == (left: StoreAnswer, right: StoreAnswer) -> Bool { left.json == right.json }

    var isEmpty: Bool { stored.isEmpty && failed.isEmpty && nameless.isEmpty }

    mutating func add(_ instance: Instance) { stored.append(instance) }

    mutating func add(_ reason: Reason, of instance: Instance?) {
        if let instance { failed.append((instance, reason)) } else { nameless.append(reason) }
    }

    /// The status that PS3.18 section 10.5.3.1 has for it; 503 where all of it may be sent again later.
    var status: Int {
        let reasons = failed.map(\.reason) + nameless
        if reasons.isEmpty { return 200 }
        if !stored.isEmpty { return 202 }
        return reasons.allSatisfy { $0 == .outOfResources } ? 503 : 409
    }

    /// As `application/dicom+json` (PS3.18 annex F). Well-formed identifiers and numbers need no escapes.
    var json: String {
        func references(_ instance: Instance) -> String {
            """
            "00081150":{"vr":"UI","Value":["\(instance.classUID)"]},\
            "00081155":{"vr":"UI","Value":["\(instance.instanceUID)"]}
            """
        }
        func failure(_ reason: Reason) -> String { #""00081197":{"vr":"US","Value":[\#(reason.rawValue)]}"# }
        func sequence(_ tag: String, _ items: [String]) -> String {
            #""\#(tag)":{"vr":"SQ","Value":[\#(items.map { "{\($0)}" }.joined(separator: ","))]}"#
        }
        // Retrieve URL is there and empty: nothing can be retrieved from here.
        var attributes = [#""00081190":{"vr":"UR"}"#]
        if !failed.isEmpty {
            attributes.append(sequence("00081198", failed.map { references($0.instance) + "," + failure($0.reason) }))
        }
        if !stored.isEmpty {
            attributes.append(sequence("00081199", stored.map { references($0) + #","00081190":{"vr":"UR"}"# }))
        }
        if !nameless.isEmpty { attributes.append(sequence("0008119A", nameless.map(failure))) }
        return "{" + attributes.joined(separator: ",") + "}"
    }
}
