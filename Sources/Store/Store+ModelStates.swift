import Ledger
public import Postgres

/// What a registered model is used for.
public enum ModelState: String, Sendable, CaseIterable {
    /// Registered, not used unless asked for by name; every model begins so.
    case inactive
    /// What is used; at most one version of a name.
    case active
    /// Scores what is received beside the active version; nobody is shown its scores as results.
    case shadow
    /// Not used any more; its records remain.
    case retired
}

extension ModelState {
    /// The entry of a change to this state.
    func entry(_ model: ModelEntry) -> EntryBody {
        switch self {
        case .active: .modelActivate(model)
        case .shadow: .modelShadow(model)
        case .inactive, .retired: .modelRetire(model)
        }
    }
}

/// One change of a model's state.
public struct ModelStateChange: Sendable, Equatable {
    /// The state from then on.
    public var state: ModelState
    /// Why, where somebody said so.
    public var reason: String?
    /// The database's name of who did it.
    public var changedBy: String
    /// When, by the clock of the database.
    public var changedAt: Timestamp
}

extension Store {
    /// What came of a change of state.
    public enum StateOutcome: Sendable, Equatable {
        /// It has the state now; where another version of its name was active before, that one is named and inactive.
        case changed(replaced: RegisteredModel?)
        /// It had that state already.
        case unchanged
    }

    /// Gives `model` a state. One transaction, and one at a time: of a name never two versions are active.
    public func setState(_ state: ModelState, of model: RegisteredModel, reason: String?) async throws -> StateOutcome {
        try await pool.withConnection { connection in
            try await connection.withTransaction { connection in
                // The table holds history, so there is no row to lock: whoever changes states waits for the others.
                // Intakes and completions hold this lock in share, so each happens before the change or after it.
                try await connection.execute("SELECT pg_advisory_xact_lock(hashtext('longview.model_states'))")
                let models = try await Self.models(on: connection)
                guard models.first(where: { $0.digest == model.digest })?.state != state else { return .unchanged }
                var replaced: RegisteredModel?
                if state == .active {
                    replaced = models.first { $0.name == model.name && $0.state == .active }
                    if let replaced {
                        try await Self.record(
                            .inactive, of: replaced, reason: "replaced by \(model.reference)", connection)
                    }
                }
                try await Self.record(state, of: model, reason: reason, connection)
                // What was received while no model was active waits for this one.
                if state == .active { try await Self.assignJobs(to: model, on: connection) }
                let entry = try ModelEntry(
                    model: ModelReference(model), previous: replaced.map(ModelReference.init), reason: reason)
                try await recorder.append(state.entry(entry), on: connection)
                return .changed(replaced: replaced)
            }
        }
    }

    /// All changes of a model's state, the newest first.
    public func stateChanges(of model: RegisteredModel) async throws -> [ModelStateChange] {
        try await pool.withConnection { connection in
            let rows = try await connection.query(
                """
                SELECT state, reason, changed_by, changed_at FROM longview.model_states WHERE model_digest = $1
                ORDER BY id DESC
                """, model.digest)
            return try rows.map { row in
                ModelStateChange(
                    state: ModelState(rawValue: try row["state"]) ?? .inactive, reason: try row["reason"],
                    changedBy: try row["changed_by"], changedAt: try row["changed_at"])
            }
        }
    }

    private static func record(
        _ state: ModelState, of model: RegisteredModel, reason: String?, _ connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            "INSERT INTO longview.model_states (model_digest, state, reason) VALUES ($1, $2, $3)", model.digest,
            state.rawValue, reason)
    }
}
