extension EntryBody {
    /// The patient whom all of the entry's commitments are about; nil where there is none, or several.
    var patient: Commitment? {
        switch self {
        case .intake(let body): body.patient
        case .refusal(let body): body.patient
        case .inference(let body): body.patient
        case .review(let body): body.patient
        case .report(let body): body.patient
        case .erasure(let body): body.patient
        default: nil
        }
    }

    /// Whether every commitment is a patient's own.
    var areCommitmentsPatients: Bool {
        if case .read = self { true } else { false }
    }

    /// Every commitment of the entry.
    var commitments: [Commitment] {
        switch self {
        case .intake(let body):
            [body.object, body.sopInstance, body.series, body.study, body.patient, body.accession].compactMap { $0 }
        case .refusal(let body): [body.object, body.sopInstance, body.study, body.patient].compactMap { $0 }
        case .inference(let body):
            [body.object, body.picture, body.sopInstance, body.study, body.patient, body.accession].compactMap { $0 }
        case .read(let body): body.patients + body.criteria.compactMap(\.commitment)
        case .review(let body): [body.patient, body.note].compactMap { $0 }
        case .report(let body): [body.patient, body.report].compactMap { $0 }
        case .export(let body): body.criteria.compactMap(\.commitment)
        case .erasure(let body): [body.patient]
        default: []
        }
    }
}
