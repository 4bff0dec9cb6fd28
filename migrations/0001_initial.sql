-- The schema of everything Longview stores: models, objects, pictures, inferences and refusals.
--
-- Two roles matter. The owner (whoever runs this migration) holds the tables. The application works as longview_worker,
-- which may add and read records but never change or remove one; triggers say so a second time, for every role.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'longview_worker') THEN
        CREATE ROLE longview_worker NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'longview_worker', 'MEMBER') THEN
        EXECUTE format('GRANT longview_worker TO %I', current_user);
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role longview_worker is missing, or % is not a member of it', current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'as a database administrator: CREATE ROLE longview_worker; GRANT longview_worker TO ' || current_user;
END
$$;

CREATE SCHEMA longview;
REVOKE ALL ON SCHEMA longview FROM PUBLIC;
GRANT USAGE ON SCHEMA longview TO longview_worker;

-- UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds from the database's clock, 74 random bits.
CREATE FUNCTION longview.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN encode(
    set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                FROM 1 FOR 6),
        52, 1), 53, 1), 'hex')::uuid;

CREATE DOMAIN longview.sha256 AS text CHECK (VALUE ~ '^[0-9a-f]{64}$');

-- A model package that was verified and registered. The description is kept in full, so that a record can be read when
-- the package's folder is long gone. One digest has one meaning, for ever.
CREATE TABLE longview.models (
    digest          longview.sha256 PRIMARY KEY,
    name            text NOT NULL CHECK (name <> ''),
    version         text NOT NULL CHECK (version <> ''),
    weights_sha256  longview.sha256 NOT NULL,
    description     text NOT NULL,             -- model.json, byte for byte
    imported_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (name, version)
);

-- What was handed in, by the digest of its bytes. Personal data lives here and nowhere else.
CREATE TABLE longview.objects (
    sha256               longview.sha256 PRIMARY KEY,
    kind                 text NOT NULL CHECK (kind IN ('dicom', 'png', 'jpeg', 'unknown')),
    byte_count           bigint NOT NULL CHECK (byte_count >= 0),
    transfer_syntax_uid  text,
    sop_class_uid        text,
    sop_instance_uid     text,
    series_instance_uid  text,
    study_instance_uid   text,
    modality             text,
    patient_id           text,
    issuer_of_patient_id text,
    accession_number     text,
    study_date           text,
    received_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX objects_patient ON longview.objects (patient_id) WHERE patient_id IS NOT NULL;
CREATE INDEX objects_accession ON longview.objects (accession_number) WHERE accession_number IS NOT NULL;
CREATE INDEX objects_study ON longview.objects (study_instance_uid) WHERE study_instance_uid IS NOT NULL;
CREATE INDEX objects_sop_instance ON longview.objects (sop_instance_uid) WHERE sop_instance_uid IS NOT NULL;

-- The picture the network saw, before views were cut from it; sha256 is over its PGM form.
CREATE TABLE longview.pictures (
    sha256   longview.sha256 PRIMARY KEY,
    width    integer NOT NULL CHECK (width > 0),
    height   integer NOT NULL CHECK (height > 0),
    encoding text NOT NULL CHECK (encoding = 'png'),
    data     bytea NOT NULL
);
ALTER TABLE longview.pictures ALTER COLUMN data SET STORAGE EXTERNAL;  -- PNG is compressed already

CREATE TABLE longview.inferences (
    id               uuid PRIMARY KEY DEFAULT longview.uuid_v7(),
    object_sha256    longview.sha256 NOT NULL REFERENCES longview.objects (sha256),
    picture_sha256   longview.sha256 NOT NULL REFERENCES longview.pictures (sha256),
    model_digest     longview.sha256 NOT NULL REFERENCES longview.models (digest),
    model_name       text NOT NULL,
    model_version    text NOT NULL,
    profile          jsonb NOT NULL,              -- the preprocessing profile as applied
    rendering        jsonb NOT NULL,              -- how the picture came from the object
    gate             jsonb NOT NULL,              -- the decision to score it, with its inputs
    views            text NOT NULL CHECK (views IN ('profile', 'center')),
    view_weights     double precision[] NOT NULL,
    view_risks       double precision[] NOT NULL,
    logits           real[] NOT NULL,             -- views x classes, row-major, exactly as computed
    risk             double precision NOT NULL CHECK (risk >= 0 AND risk <= 1),
    category         text,
    flags            text[] NOT NULL,
    decode_ms        double precision NOT NULL,
    render_ms        double precision NOT NULL,
    score_ms         double precision NOT NULL,
    engine_version   text NOT NULL,               -- identity of the arithmetic
    kernels          text NOT NULL,               -- instruction set it ran on
    longview_version text NOT NULL,
    host             text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (object_sha256, model_digest, views),
    CHECK (cardinality(view_weights) = cardinality(view_risks) AND cardinality(view_risks) > 0),
    CHECK (cardinality(logits) % cardinality(view_risks) = 0)
);
CREATE INDEX inferences_newest ON longview.inferences (created_at DESC, id DESC);

-- What got no score, and why; as carefully kept as a score.
CREATE TABLE longview.refusals (
    id               uuid PRIMARY KEY DEFAULT longview.uuid_v7(),
    object_sha256    longview.sha256 NOT NULL REFERENCES longview.objects (sha256),
    model_digest     longview.sha256 NOT NULL REFERENCES longview.models (digest),  -- whose profile refused it
    stage            text NOT NULL CHECK (stage IN ('decode', 'render', 'gate')),
    code             text NOT NULL,
    message          text NOT NULL,
    gate             jsonb,                       -- the inputs of the gate's decision, where it got that far
    longview_version text NOT NULL,
    host             text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (object_sha256, model_digest, code, longview_version)
);
CREATE INDEX refusals_newest ON longview.refusals (created_at DESC, id DESC);

CREATE FUNCTION longview.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is not allowed: records are only ever added', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['models', 'inferences', 'refusals'] LOOP
        EXECUTE format('CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON longview.%I
                        FOR EACH ROW EXECUTE FUNCTION longview.refuse_change()', kept);
        EXECUTE format('CREATE TRIGGER keep_table BEFORE TRUNCATE ON longview.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION longview.refuse_change()', kept);
        EXECUTE format('ALTER TABLE longview.%I ENABLE ALWAYS TRIGGER keep_rows', kept);
        EXECUTE format('ALTER TABLE longview.%I ENABLE ALWAYS TRIGGER keep_table', kept);
    END LOOP;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA longview FROM PUBLIC;
GRANT EXECUTE ON FUNCTION longview.uuid_v7() TO longview_worker;
GRANT SELECT, INSERT ON longview.models, longview.objects, longview.pictures, longview.inferences, longview.refusals
    TO longview_worker;
