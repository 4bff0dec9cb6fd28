-- What a registered model is used for. Each change is a row that stays; the newest one of a model is its state.
--
-- inactive: registered, not used unless asked for by name (every model begins so). active: what `score` and the workers
-- use; at most one version of a name. retired: not used any more; its records remain.

CREATE TABLE longview.model_states (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_digest longview.sha256 NOT NULL REFERENCES longview.models (digest),
    state        text NOT NULL CHECK (state IN ('inactive', 'active', 'retired')),
    reason       text CHECK (reason <> ''),
    changed_by   text NOT NULL DEFAULT session_user,
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX model_states_newest ON longview.model_states (model_digest, id DESC);

CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON longview.model_states
    FOR EACH ROW EXECUTE FUNCTION longview.refuse_change();
CREATE TRIGGER keep_table BEFORE TRUNCATE ON longview.model_states
    FOR EACH STATEMENT EXECUTE FUNCTION longview.refuse_change();
ALTER TABLE longview.model_states ENABLE ALWAYS TRIGGER keep_rows;
ALTER TABLE longview.model_states ENABLE ALWAYS TRIGGER keep_table;

GRANT SELECT, INSERT ON longview.model_states TO longview_worker;
