-- How objects come in, and the queue of what is to be scored (docs/queue.md).
--
-- `jobs` is small whatever has been done: a job that ends moves to `finished_jobs` in the transaction that ends it. No
-- statement needs a session of its own: there are no LISTEN, no session locks and no temporary tables.
--
-- What hangs on an object goes with it (ON DELETE CASCADE): nobody may delete an object but who erases a patient.

-- A shadow model scores what is received beside the active one; clinicians are never shown what it says.
ALTER TABLE longview.model_states DROP CONSTRAINT model_states_state_check;
ALTER TABLE longview.model_states ADD CONSTRAINT model_states_state_check
    CHECK (state IN ('inactive', 'active', 'shadow', 'retired'));

-- The models that what is received is scored with.
CREATE VIEW longview.models_in_use AS
SELECT m.digest, m.name, m.version, s.state
FROM longview.models m
CROSS JOIN LATERAL (
    SELECT state FROM longview.model_states WHERE model_digest = m.digest ORDER BY id DESC LIMIT 1
) s
WHERE s.state IN ('active', 'shadow');

-- What shadow models said. Tables of their own, so that no query for results can return them, today's or tomorrow's.
CREATE TABLE longview.shadow_inferences (LIKE longview.inferences INCLUDING ALL);
ALTER TABLE longview.shadow_inferences
    ADD FOREIGN KEY (object_sha256) REFERENCES longview.objects (sha256) ON DELETE CASCADE,
    ADD FOREIGN KEY (picture_sha256) REFERENCES longview.pictures (sha256) ON DELETE CASCADE,
    ADD FOREIGN KEY (model_digest) REFERENCES longview.models (digest);
CREATE TABLE longview.shadow_refusals (LIKE longview.refusals INCLUDING ALL);
ALTER TABLE longview.shadow_refusals
    ADD FOREIGN KEY (object_sha256) REFERENCES longview.objects (sha256) ON DELETE CASCADE,
    ADD FOREIGN KEY (model_digest) REFERENCES longview.models (digest);

-- One row for each time an object was handed in and kept: the sender was told so after this row was committed.
CREATE TABLE longview.intakes (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object_sha256 longview.sha256 NOT NULL REFERENCES longview.objects (sha256) ON DELETE CASCADE,
    via           text NOT NULL CHECK (via IN ('dicom', 'folder', 'file', 'stow')),
    calling_ae    text,                   -- application entity titles, of DICOM associations
    called_ae     text,
    -- new; duplicate: these bytes were kept before; sop_conflict: other bytes were kept under this SOP Instance UID,
    -- both stay, and this one is scored only when a person says so.
    outcome       text NOT NULL CHECK (outcome IN ('new', 'duplicate', 'sop_conflict')),
    host          text NOT NULL,          -- where the bytes lie
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX intakes_object ON longview.intakes (object_sha256);
CREATE INDEX intakes_conflicts ON longview.intakes (id) WHERE outcome = 'sop_conflict';

-- What is to be scored. waiting: from due_at on anybody may take it. leased: somebody has it until leased_until; only
-- the holder of the token may end it. dead: failed as often as allowed, and waits for a person.
CREATE TABLE longview.jobs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object_sha256 longview.sha256 NOT NULL REFERENCES longview.objects (sha256) ON DELETE CASCADE,
    model_digest  longview.sha256 REFERENCES longview.models (digest),  -- NULL: until a model is active
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'leased', 'dead')),
    priority      smallint NOT NULL CHECK (priority IN (0, 1)),         -- 0: STAT, 1: normal
    attempts      integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    token         bigint NOT NULL DEFAULT 0,  -- counts leases; a lease is known by it
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_by     text,
    leased_at     timestamptz,
    leased_until  timestamptz,
    error_code    text,                       -- of the last attempt that failed
    error_message text,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (object_sha256, model_digest),
    CHECK ((state = 'leased') = (leased_by IS NOT NULL)),
    CHECK ((state = 'leased') = (leased_until IS NOT NULL))
)
-- Every row is written three or four times in its short life: room for that, and vacuumed by number, not by share.
WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
      autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
CREATE INDEX jobs_waiting ON longview.jobs (model_digest, priority, due_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_leased ON longview.jobs (leased_until) WHERE state = 'leased';
CREATE INDEX jobs_dead ON longview.jobs (id) WHERE state = 'dead';

-- Each attempt that came to nothing: failed, expired (the worker was not heard of until its lease ended) or returned (a
-- worker that stops gives back what it has not begun; that does not count). No personal data.
CREATE TABLE longview.job_attempts (
    job_id       bigint NOT NULL,
    token        bigint NOT NULL,
    attempt      integer NOT NULL,
    model_digest longview.sha256 NOT NULL,
    worker       text NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('failed', 'expired', 'returned')),
    code         text NOT NULL,
    message      text NOT NULL,
    began_at     timestamptz NOT NULL,
    ended_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, token)
);

-- Jobs that ended. done and refused came with a record, in the same transaction.
CREATE TABLE longview.finished_jobs (
    id            bigint PRIMARY KEY,
    object_sha256 longview.sha256 NOT NULL REFERENCES longview.objects (sha256) ON DELETE CASCADE,
    model_digest  longview.sha256 REFERENCES longview.models (digest),
    state         text NOT NULL CHECK (state IN ('done', 'refused', 'cancelled')),
    is_shadow     boolean NOT NULL,
    inference_id  uuid,                    -- in inferences, or shadow_inferences where is_shadow
    reason        text,                    -- the refusal's code; or why it was cancelled
    priority      smallint NOT NULL,
    attempts      integer NOT NULL,
    worker        text,
    created_at    timestamptz NOT NULL,
    finished_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((state = 'done') = (inference_id IS NOT NULL)),
    CHECK (state = 'done' OR reason IS NOT NULL)
);
CREATE INDEX finished_jobs_object ON longview.finished_jobs (object_sha256, model_digest);
CREATE INDEX finished_jobs_newest ON longview.finished_jobs (finished_at DESC, id DESC);

-- An object may be received before it is decoded: what it says of itself may be added then, and never changed.
CREATE FUNCTION longview.describe_once() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old_row jsonb := to_jsonb(OLD) - 'kind';
    new_row jsonb := to_jsonb(NEW) - 'kind';
BEGIN
    IF jsonb_strip_nulls(old_row) <@ new_row AND (OLD.kind = NEW.kind OR OLD.kind = 'unknown') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what is known of an object is not changed' USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION longview.describe_once() FROM PUBLIC;
CREATE TRIGGER describe_once BEFORE UPDATE ON longview.objects
    FOR EACH ROW WHEN (current_user = 'longview_worker') EXECUTE FUNCTION longview.describe_once();
GRANT UPDATE (kind, transfer_syntax_uid, sop_class_uid, sop_instance_uid, series_instance_uid, study_instance_uid,
              modality, patient_id, issuer_of_patient_id, accession_number, study_date)
    ON longview.objects TO longview_worker;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['intakes', 'job_attempts', 'finished_jobs', 'shadow_inferences', 'shadow_refusals'] LOOP
        EXECUTE format('CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON longview.%I
                        FOR EACH ROW EXECUTE FUNCTION longview.refuse_change()', kept);
        EXECUTE format('CREATE TRIGGER keep_table BEFORE TRUNCATE ON longview.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION longview.refuse_change()', kept);
        EXECUTE format('ALTER TABLE longview.%I ENABLE ALWAYS TRIGGER keep_rows', kept);
        EXECUTE format('ALTER TABLE longview.%I ENABLE ALWAYS TRIGGER keep_table', kept);
        EXECUTE format('GRANT SELECT, INSERT ON longview.%I TO longview_worker', kept);
    END LOOP;
END
$$;
GRANT SELECT ON longview.models_in_use TO longview_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON longview.jobs TO longview_worker;

-- An erasure takes what hangs on its patient's objects.
CREATE OR REPLACE FUNCTION longview.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE'
        AND TG_TABLE_NAME IN ('inferences', 'refusals', 'shadow_inferences', 'shadow_refusals', 'intakes', 'finished_jobs')
        AND EXISTS (SELECT FROM longview.erasures e WHERE e.transaction = pg_current_xact_id_if_assigned()) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% on %.% is not allowed: records are only ever added', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
