-- Who may read what, and the record of every read.
--
-- Clinicians and auditors hold no right on any table. They ask in two steps: begin_read says who asks what and why, finds
-- the records, and writes all of it down; once that is committed, the read_ functions hand out those records and no
-- others. A rollback can so hide no look.

DO $$
DECLARE
    reader text;
BEGIN
    FOREACH reader IN ARRAY ARRAY['longview_clinician', 'longview_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', reader);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA longview TO %I', reader);
    END LOOP;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'roles longview_clinician and longview_auditor are missing'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'as a database administrator: CREATE ROLE longview_clinician; CREATE ROLE longview_auditor';
END
$$;

-- RFC 8785 of values whose numbers are integers: PostgreSQL writes strings as that asks, and members are put in order.
CREATE FUNCTION longview.canonical_json(value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CASE jsonb_typeof(value)
    WHEN 'object' THEN
        RETURN '{' || coalesce((SELECT string_agg(to_jsonb(m.key)::text || ':' || longview.canonical_json(m.value), ','
                                                  ORDER BY m.key COLLATE "C")
                                FROM jsonb_each(value) AS m), '') || '}';
    WHEN 'array' THEN
        RETURN '[' || coalesce((SELECT string_agg(longview.canonical_json(e.value), ',' ORDER BY e.place)
                                FROM jsonb_array_elements(value) WITH ORDINALITY AS e (value, place)), '') || ']';
    ELSE
        RETURN value::text;
    END CASE;
END
$$;

-- A moment as entries write it.
CREATE FUNCTION longview.entry_time(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Adds an entry made here to the inbox. The actor is who is signed in, not who says so.
CREATE FUNCTION longview.append_entry(
    type text, moment timestamptz, role text, outcome text, source jsonb, body jsonb) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO longview.ledger_inbox (entry) VALUES (convert_to(longview.canonical_json(jsonb_strip_nulls(
        jsonb_build_object(
            'type', type, 'version', 1, 'time', longview.entry_time(moment), 'outcome', outcome,
            'actor', jsonb_build_object(
                'kind', 'person', 'id', session_user, 'role', role, 'address', host(inet_client_addr()),
                'alternative_id', nullif(source ->> 'account', session_user)),
            'source', jsonb_build_object(
                'host', coalesce(source ->> 'host', 'unknown'), 'program', coalesce(source ->> 'program', 'unknown'),
                'version', coalesce(source ->> 'version', 'unknown'), 'site', source ->> 'site'),
            'body', body))), 'UTF8'));
$$;

-- Inferences and refusals with their objects, as readers get them.
CREATE VIEW longview.inference_details AS
SELECT i.*, o.kind, o.byte_count, o.transfer_syntax_uid, o.sop_class_uid, o.sop_instance_uid, o.series_instance_uid,
       o.study_instance_uid, o.modality, o.patient_id, o.issuer_of_patient_id, o.accession_number, o.study_date
FROM longview.inferences i JOIN longview.objects o ON o.sha256 = i.object_sha256;

CREATE VIEW longview.refusal_details AS
SELECT r.*, m.name AS model_name, m.version AS model_version, o.kind, o.byte_count, o.transfer_syntax_uid,
       o.sop_class_uid, o.sop_instance_uid, o.series_instance_uid, o.study_instance_uid, o.modality, o.patient_id,
       o.issuer_of_patient_id, o.accession_number, o.study_date
FROM longview.refusals r
JOIN longview.objects o ON o.sha256 = r.object_sha256
JOIN longview.models m ON m.digest = r.model_digest;

-- Every question that was asked. Holds commitments where the question names somebody.
CREATE TABLE longview.reads (
    id           uuid PRIMARY KEY DEFAULT longview.uuid_v7(),
    reader       text NOT NULL,
    role         text NOT NULL,
    purpose      text NOT NULL,
    question     text NOT NULL,
    criteria     jsonb NOT NULL,
    is_granted   boolean NOT NULL,
    denial       text,
    records      uuid[] NOT NULL,      -- inferences or refusals that came back, in their order
    terms        text[],               -- of entries: all of these,
    any_terms    text[],               -- and one of these
    since        text,
    until        text,
    row_limit    bigint,
    tree_size    bigint,               -- entries that may be read
    transaction  xid8 NOT NULL,        -- the one that asked: it gets no answer
    began_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The most records that one question returns.
CREATE FUNCTION longview.maximum_records() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 10000;

-- All commitments to a patient ID, whoever issued it.
CREATE FUNCTION longview.patient_commitments(patient_id text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT coalesce(array_agg(encode(o.commitment, 'hex')), '{}') FROM longview.openings o
        WHERE o.domain = 'longview/v1/patient'
          AND substring(o.value FROM position('\x00'::bytea IN o.value) + 1) = convert_to(patient_id, 'UTF8'));
CREATE INDEX openings_patient ON longview.openings ((substring(value FROM position('\x00'::bytea IN value) + 1)))
    WHERE domain = 'longview/v1/patient';

CREATE FUNCTION longview.begin_read(
    question text, criteria jsonb, purpose text, source jsonb,
    OUT read_id uuid, OUT is_granted boolean, OUT denial text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- The role by which the reader may ask this.
    role text := CASE
        WHEN question IN ('scores', 'refusals', 'show') THEN 'longview_clinician'
        WHEN question IN ('ledger', 'who_viewed', 'export', 'verify') THEN 'longview_auditor'
        WHEN question = 'score_again' THEN 'longview_worker' END;
    moment timestamptz := clock_timestamp();
    patient text := criteria ->> 'patient';
    asked jsonb;
    found uuid[] := '{}';
    names jsonb := '[]';
    wanted bigint;
    size bigint;
    entries bigint := 0;
    parts integer;
    r longview.reads;
BEGIN
    IF role IS NULL THEN
        RAISE EXCEPTION 'there is no question "%"', question USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF coalesce(purpose, '') !~ '^[A-Z][A-Z0-9_]{1,31}$' THEN
        RAISE EXCEPTION 'a purpose of use is a code such as TREAT' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    wanted := least(coalesce((criteria ->> 'limit')::bigint, longview.maximum_records()), longview.maximum_records());
    is_granted := pg_has_role(session_user, role, 'MEMBER');
    denial := CASE WHEN NOT is_granted THEN 'not_' || role END;
    -- Whoever takes patients' identities out must be one who may see them.
    IF is_granted AND coalesce((criteria ->> 'with_openings')::boolean, false)
        AND NOT pg_has_role(session_user, 'longview_clinician', 'MEMBER') THEN
        is_granted := false;
        denial := 'openings_not_longview_clinician';
    END IF;

    IF is_granted AND question = 'scores' THEN
        SELECT coalesce(array_agg(f.id), '{}') INTO found FROM (
            SELECT d.id FROM longview.inference_details d
            WHERE (patient IS NULL OR d.patient_id = patient)
              AND (criteria ->> 'accession' IS NULL OR d.accession_number = criteria ->> 'accession')
              AND (criteria ->> 'study' IS NULL OR d.study_instance_uid = criteria ->> 'study')
              AND (criteria ->> 'since' IS NULL OR d.created_at >= (criteria ->> 'since')::timestamptz)
              AND (criteria ->> 'until' IS NULL OR d.created_at < (criteria ->> 'until')::timestamptz)
              AND (criteria ->> 'category' IS NULL OR d.category = criteria ->> 'category')
            ORDER BY d.created_at DESC, d.id DESC LIMIT wanted) f;
    ELSIF is_granted AND question = 'refusals' THEN
        SELECT coalesce(array_agg(f.id), '{}') INTO found FROM (
            SELECT d.id FROM longview.refusal_details d
            WHERE (patient IS NULL OR d.patient_id = patient)
              AND (criteria ->> 'accession' IS NULL OR d.accession_number = criteria ->> 'accession')
              AND (criteria ->> 'study' IS NULL OR d.study_instance_uid = criteria ->> 'study')
              AND (criteria ->> 'since' IS NULL OR d.created_at >= (criteria ->> 'since')::timestamptz)
              AND (criteria ->> 'until' IS NULL OR d.created_at < (criteria ->> 'until')::timestamptz)
            ORDER BY d.created_at DESC, d.id DESC LIMIT wanted) f;
    ELSIF is_granted AND question IN ('show', 'score_again') THEN
        SELECT coalesce(array_agg(d.id), '{}') INTO found FROM longview.inferences d
        WHERE d.id = (criteria ->> 'inference')::uuid;
    ELSIF is_granted THEN
        SELECT coalesce(max(e.index) + 1, 0) INTO size FROM longview.ledger_entries e;
    END IF;

    -- The question as it is kept: commitments where it names somebody, in the order of the names.
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'name', c.key,
            'commitment', CASE c.key
                WHEN 'patient' THEN longview.commit_patient(c.value, NULL)
                WHEN 'accession' THEN longview.commit_text('longview/v1/accession-number', c.value)
                WHEN 'study' THEN longview.commit_text('longview/v1/study-instance-uid', c.value) END,
            'value', CASE WHEN c.key NOT IN ('patient', 'accession', 'study') THEN c.value END)) ORDER BY c.key), '[]')
    INTO asked FROM jsonb_each_text(criteria) AS c WHERE c.value IS NOT NULL;

    r.id := longview.uuid_v7();
    r.reader := session_user;
    r.role := CASE WHEN is_granted THEN role ELSE coalesce(nullif(current_setting('role'), 'none'), session_user) END;
    INSERT INTO longview.reads (id, reader, role, purpose, question, criteria, is_granted, denial, records, terms,
                                any_terms, since, until, row_limit, tree_size, transaction, began_at)
    VALUES (r.id, r.reader, r.role, purpose, question, asked, is_granted, denial, found,
            array_remove(ARRAY['type:' || (criteria ->> 'type'), 'actor:' || (criteria ->> 'actor'),
                               CASE WHEN question = 'who_viewed' THEN 'type:read' END], NULL),
            CASE WHEN patient IS NOT NULL AND size IS NOT NULL THEN
                (SELECT array_agg('patient:' || p) FROM unnest(longview.patient_commitments(patient)) AS p) END,
            longview.entry_time((criteria ->> 'since')::timestamptz),
            longview.entry_time((criteria ->> 'until')::timestamptz),
            wanted, size, pg_current_xact_id(), moment);

    -- One entry names at most 500 records (docs/audit.md).
    parts := greatest(1, ceil(cardinality(found) / 500.0)::integer);
    FOR part IN 1..parts LOOP
        SELECT coalesce(jsonb_agg(DISTINCT p.commitment), '[]') INTO names FROM (
            SELECT longview.commit_patient(o.patient_id, o.issuer_of_patient_id) AS commitment
            FROM (SELECT DISTINCT o.patient_id, o.issuer_of_patient_id
                  FROM unnest(found[(part - 1) * 500 + 1 : part * 500]) AS f (id)
                  LEFT JOIN longview.inferences i ON i.id = f.id
                  LEFT JOIN longview.refusals x ON x.id = f.id
                  JOIN longview.objects o ON o.sha256 = coalesce(i.object_sha256, x.object_sha256)
                  WHERE o.patient_id IS NOT NULL
                  ORDER BY o.patient_id, o.issuer_of_patient_id) o) p;
        PERFORM longview.append_entry(
            'read', moment, r.role, CASE WHEN is_granted THEN 'success' ELSE 'minor_failure' END, source,
            jsonb_build_object(
                'read_id', r.id, 'purpose', purpose, 'question', question, 'criteria', asked,
                'is_granted', is_granted, 'denial', denial, 'patients', names,
                'records', coalesce(to_jsonb(found[(part - 1) * 500 + 1 : part * 500]), '[]'),
                'record_count', cardinality(found), 'part', part, 'parts', parts));
    END LOOP;
    read_id := r.id;
END
$$;

-- The read, where it may be answered: asked by who is signed in, granted, committed, and not long ago.
CREATE FUNCTION longview.granted_read(read_id uuid, questions text[]) RETURNS longview.reads
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads;
BEGIN
    SELECT * INTO r FROM longview.reads WHERE id = read_id AND reader = session_user AND question = ANY (questions);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such read of yours' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT r.is_granted THEN
        RAISE EXCEPTION 'the read was denied: %', r.denial USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF r.transaction = pg_current_xact_id_if_assigned() THEN
        RAISE EXCEPTION 'the read is not committed yet' USING ERRCODE = 'insufficient_privilege',
            HINT = 'commit what begin_read wrote, then read';
    END IF;
    IF clock_timestamp() > r.began_at
        + (CASE WHEN r.question IN ('export', 'verify') THEN interval '1 day' ELSE interval '10 minutes' END) THEN
        RAISE EXCEPTION 'the read is too long ago; ask again' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN r;
END
$$;

CREATE FUNCTION longview.read_inferences(read_id uuid) RETURNS SETOF longview.inference_details
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads := longview.granted_read(read_id, ARRAY['scores', 'show']);
BEGIN
    RETURN QUERY SELECT d.* FROM unnest(r.records) WITH ORDINALITY AS f (id, place)
        JOIN longview.inference_details d ON d.id = f.id ORDER BY f.place;
END
$$;

CREATE FUNCTION longview.read_refusals(read_id uuid) RETURNS SETOF longview.refusal_details
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads := longview.granted_read(read_id, ARRAY['refusals']);
BEGIN
    RETURN QUERY SELECT d.* FROM unnest(r.records) WITH ORDINALITY AS f (id, place)
        JOIN longview.refusal_details d ON d.id = f.id ORDER BY f.place;
END
$$;

-- The pictures of the inferences that were asked for one by one.
CREATE FUNCTION longview.read_pictures(read_id uuid) RETURNS SETOF longview.pictures
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads := longview.granted_read(read_id, ARRAY['show']);
BEGIN
    RETURN QUERY SELECT p.* FROM longview.inferences i JOIN longview.pictures p ON p.sha256 = i.picture_sha256
        WHERE i.id = ANY (r.records);
END
$$;

-- Entries that match the question, the newest first.
CREATE FUNCTION longview.read_entries(read_id uuid) RETURNS SETOF longview.ledger_entries
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads := longview.granted_read(read_id, ARRAY['ledger', 'who_viewed']);
BEGIN
    RETURN QUERY SELECT e.* FROM longview.ledger_entries e
        WHERE e.index < r.tree_size
          AND (r.terms = '{}' OR longview.ledger_terms(e.entry) @> r.terms)
          AND (r.any_terms IS NULL AND NOT EXISTS (SELECT FROM jsonb_array_elements(r.criteria) c
                                                   WHERE c ->> 'name' = 'patient')
               OR longview.ledger_terms(e.entry) && r.any_terms)
          AND (r.since IS NULL OR convert_from(e.entry, 'UTF8')::jsonb ->> 'time' >= r.since)
          AND (r.until IS NULL OR convert_from(e.entry, 'UTF8')::jsonb ->> 'time' < r.until)
        ORDER BY e.index DESC LIMIT r.row_limit;
END
$$;

-- The ledger as it is, for an export or a verification.
CREATE FUNCTION longview.read_entry_range(read_id uuid, first bigint, last bigint) RETURNS SETOF longview.ledger_entries
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads := longview.granted_read(read_id, ARRAY['export', 'verify']);
BEGIN
    RETURN QUERY SELECT e.* FROM longview.ledger_entries e
        WHERE e.index >= first AND e.index < least(last, r.tree_size) ORDER BY e.index;
END
$$;

CREATE FUNCTION longview.read_tiles(read_id uuid, level integer, first bigint, last bigint)
RETURNS SETOF longview.ledger_tiles
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM longview.granted_read(read_id, ARRAY['export', 'verify']);
    RETURN QUERY SELECT t.* FROM longview.ledger_tiles t
        WHERE t.level = read_tiles.level AND t.index >= first AND t.index < last ORDER BY t.index;
END
$$;

CREATE FUNCTION longview.read_checkpoints(read_id uuid) RETURNS SETOF longview.ledger_checkpoints
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM longview.granted_read(read_id, ARRAY['export', 'verify']);
    RETURN QUERY SELECT c.* FROM longview.ledger_checkpoints c ORDER BY c.id;
END
$$;

CREATE FUNCTION longview.read_openings(read_id uuid) RETURNS SETOF longview.openings
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads := longview.granted_read(read_id, ARRAY['export']);
BEGIN
    IF NOT r.criteria @> '[{"name": "with_openings", "value": "true"}]' THEN
        RAISE EXCEPTION 'the read did not ask for openings' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY SELECT o.* FROM longview.openings o ORDER BY o.commitment;
END
$$;

-- The commitment to a value that has one.
CREATE FUNCTION longview.known_commitment(domain text, value bytea) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT encode(o.commitment, 'hex') FROM longview.openings o
        WHERE o.domain = known_commitment.domain AND sha256(o.value) = sha256(known_commitment.value)
          AND o.commitment = sha256(convert_to(o.domain, 'UTF8') || '\x00'::bytea || o.salt || o.value));

CREATE FUNCTION longview.known_object(
    o longview.objects, OUT object text, OUT sop_instance text, OUT study text, OUT patient text, OUT accession text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT longview.known_commitment('longview/v1/object-sha256', decode(o.sha256, 'hex')),
           longview.known_commitment('longview/v1/sop-instance-uid', convert_to(o.sop_instance_uid, 'UTF8')),
           longview.known_commitment('longview/v1/study-instance-uid', convert_to(o.study_instance_uid, 'UTF8')),
           longview.known_commitment('longview/v1/patient', convert_to(coalesce(o.issuer_of_patient_id, ''), 'UTF8')
               || '\x00'::bytea || convert_to(o.patient_id, 'UTF8')),
           longview.known_commitment('longview/v1/accession-number', convert_to(o.accession_number, 'UTF8'))
$$;

-- What the tables say of inferences, without what names anybody: to be held against their entries.
CREATE VIEW longview.inference_projection AS
SELECT i.id, i.created_at, k.object, k.sop_instance, k.study, k.patient, k.accession, NULL::text AS series,
       longview.known_commitment('longview/v1/picture-sha256', decode(i.picture_sha256, 'hex')) AS picture,
       i.model_digest, i.model_name, i.model_version, i.profile, i.rendering, i.gate, i.views, i.view_weights,
       i.view_risks, i.logits, i.risk, i.category, i.flags, i.decode_ms, i.render_ms, i.score_ms, i.engine_version,
       i.kernels, i.longview_version, i.host
FROM longview.inferences i JOIN longview.objects o ON o.sha256 = i.object_sha256
CROSS JOIN LATERAL longview.known_object(o) k;

CREATE VIEW longview.refusal_projection AS
SELECT r.id, r.created_at, k.object, k.sop_instance, k.study, k.patient, k.accession, NULL::text AS series,
       r.model_digest, m.name AS model_name, m.version AS model_version, r.stage, r.code, r.message, r.gate,
       r.longview_version, r.host
FROM longview.refusals r JOIN longview.objects o ON o.sha256 = r.object_sha256
JOIN longview.models m ON m.digest = r.model_digest
CROSS JOIN LATERAL longview.known_object(o) k;

CREATE FUNCTION longview.read_inference_projection(read_id uuid, after uuid) RETURNS SETOF longview.inference_projection
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM longview.granted_read(read_id, ARRAY['verify']);
    RETURN QUERY SELECT p.* FROM longview.inference_projection p WHERE after IS NULL OR p.id > after ORDER BY p.id LIMIT 1000;
END
$$;

CREATE FUNCTION longview.read_refusal_projection(read_id uuid, after uuid) RETURNS SETOF longview.refusal_projection
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM longview.granted_read(read_id, ARRAY['verify']);
    RETURN QUERY SELECT p.* FROM longview.refusal_projection p WHERE after IS NULL OR p.id > after ORDER BY p.id LIMIT 1000;
END
$$;

-- What waits for its place, for a verification: a record whose entry waits is not one without an entry.
CREATE FUNCTION longview.read_inbox(read_id uuid) RETURNS SETOF longview.ledger_inbox
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM longview.granted_read(read_id, ARRAY['verify']);
    RETURN QUERY SELECT i.* FROM longview.ledger_inbox i ORDER BY i.id;
END
$$;

-- Models name nobody: whoever may read scores may read what made them.
CREATE FUNCTION longview.read_models() RETURNS SETOF longview.models
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM longview.models ORDER BY imported_at, digest;
$$;

-- Where the ledger stands: numbers alone.
CREATE VIEW longview.ledger_status AS
SELECT (SELECT coalesce(max(index) + 1, 0) FROM longview.ledger_entries) AS size,
       (SELECT count(*) FROM longview.ledger_inbox WHERE rejection IS NULL) AS waiting,
       (SELECT count(*) FROM longview.ledger_inbox WHERE rejection IS NOT NULL) AS rejected,
       c.size AS checkpoint_size, c.created_at AS checkpoint_time, a.message AS alarm, a.raised_at AS alarm_time
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (SELECT size, created_at FROM longview.ledger_checkpoints ORDER BY id DESC LIMIT 1) c ON true
LEFT JOIN LATERAL (SELECT message, raised_at FROM longview.ledger_alarms
                   WHERE raised_at > coalesce(c.created_at, '-infinity') ORDER BY id DESC LIMIT 1) a ON true;

-- Erasure of a patient.
CREATE TABLE longview.erasures (
    id          uuid PRIMARY KEY DEFAULT longview.uuid_v7(),
    patient     text NOT NULL,                -- the commitment that nobody can open any more
    reason      text NOT NULL,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    erased_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Rows are only ever added; but an erasure, which is itself recorded, may remove those of its patient.
CREATE OR REPLACE FUNCTION longview.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('inferences', 'refusals')
        AND EXISTS (SELECT FROM longview.erasures e WHERE e.transaction = pg_current_xact_id_if_assigned()) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% on %.% is not allowed: records are only ever added', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Destroys a patient's openings, objects, pictures, inferences and refusals; the entries stay. Returns the objects whose
-- files are to be destroyed too.
CREATE FUNCTION longview.erase_patient(patient_id text, issuer text, reason text, source jsonb) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    objects text[];
    pictures text[];
    gone bytea[];
    identity record;
    scored bigint;
    removed bigint;
    shown bigint := 0;
    kept bytea;
BEGIN
    IF coalesce(reason, '') = '' THEN
        RAISE EXCEPTION 'an erasure needs a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One ID may have several issuers, and questions name none: each is a patient of its own to the ledger.
    FOR identity IN
        SELECT o.commitment, o.value FROM longview.openings o
        WHERE o.domain = 'longview/v1/patient'
          AND substring(o.value FROM position('\x00'::bytea IN o.value) + 1) = convert_to(erase_patient.patient_id, 'UTF8')
          AND (issuer IS NULL OR o.value IN (
              convert_to(issuer, 'UTF8') || '\x00'::bytea || convert_to(erase_patient.patient_id, 'UTF8'),
              '\x00'::bytea || convert_to(erase_patient.patient_id, 'UTF8')))
        ORDER BY o.commitment
    LOOP
        SELECT coalesce(array_agg(b.sha256), '{}') INTO objects FROM longview.objects b
        WHERE b.patient_id = erase_patient.patient_id
          AND convert_to(coalesce(b.issuer_of_patient_id, ''), 'UTF8') || '\x00'::bytea
              || convert_to(b.patient_id, 'UTF8') = identity.value;
        -- A picture, study or accession number that another patient shares is that one's too, and stays.
        SELECT coalesce(array_agg(DISTINCT i.picture_sha256), '{}') INTO pictures FROM longview.inferences i
        WHERE i.object_sha256 = ANY (objects) AND NOT EXISTS (
            SELECT FROM longview.inferences x
            WHERE x.picture_sha256 = i.picture_sha256 AND x.object_sha256 <> ALL (objects));
        SELECT array_agg(v) INTO gone FROM (
            SELECT convert_to(b.accession_number, 'UTF8') AS v FROM longview.objects b
            WHERE b.sha256 = ANY (objects) AND NOT EXISTS (
                SELECT FROM longview.objects x
                WHERE x.accession_number = b.accession_number AND x.sha256 <> ALL (objects))
            UNION SELECT convert_to(b.study_instance_uid, 'UTF8') FROM longview.objects b
            WHERE b.sha256 = ANY (objects) AND NOT EXISTS (
                SELECT FROM longview.objects x
                WHERE x.study_instance_uid = b.study_instance_uid AND x.sha256 <> ALL (objects))
            UNION SELECT convert_to(b.series_instance_uid, 'UTF8') FROM longview.objects b WHERE b.sha256 = ANY (objects)
            UNION SELECT convert_to(b.sop_instance_uid, 'UTF8') FROM longview.objects b WHERE b.sha256 = ANY (objects)
            UNION SELECT decode(b.sha256, 'hex') FROM longview.objects b WHERE b.sha256 = ANY (objects)
            UNION SELECT decode(p, 'hex') FROM unnest(pictures) AS p
            UNION SELECT identity.value) AS values (v) WHERE v IS NOT NULL;

        INSERT INTO longview.erasures (patient, reason) VALUES (encode(identity.commitment, 'hex'), reason);
        SELECT count(*) INTO scored FROM longview.inferences i WHERE i.object_sha256 = ANY (objects);
        DELETE FROM longview.inferences i WHERE i.object_sha256 = ANY (objects);
        DELETE FROM longview.refusals i WHERE i.object_sha256 = ANY (objects);
        DELETE FROM longview.pictures p WHERE p.sha256 = ANY (pictures);
        GET DIAGNOSTICS shown = ROW_COUNT;
        DELETE FROM longview.objects b WHERE b.sha256 = ANY (objects);
        DELETE FROM longview.openings o WHERE sha256(o.value) = ANY (SELECT sha256(v) FROM unnest(gone) AS v)
            AND o.value = ANY (gone);
        GET DIAGNOSTICS removed = ROW_COUNT;
        PERFORM longview.append_entry(
            'erasure', clock_timestamp(), 'longview_owner', 'success', source,
            jsonb_build_object(
                'patient', encode(identity.commitment, 'hex'), 'reason', reason, 'opening_count', removed,
                'object_count', cardinality(objects), 'picture_count', shown, 'inference_count', scored));
        RETURN QUERY SELECT unnest(objects);
    END LOOP;
END
$$;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['reads', 'erasures'] LOOP
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
GRANT EXECUTE ON FUNCTION longview.begin_read(text, jsonb, text, jsonb)
    TO longview_clinician, longview_auditor, longview_worker;
GRANT EXECUTE ON FUNCTION longview.read_inferences(uuid), longview.read_refusals(uuid), longview.read_pictures(uuid),
    longview.read_models() TO longview_clinician;
GRANT EXECUTE ON FUNCTION longview.read_entries(uuid), longview.read_entry_range(uuid, bigint, bigint),
    longview.read_tiles(uuid, integer, bigint, bigint), longview.read_checkpoints(uuid), longview.read_openings(uuid),
    longview.read_inference_projection(uuid, uuid), longview.read_refusal_projection(uuid, uuid),
    longview.read_inbox(uuid) TO longview_auditor;
GRANT SELECT ON longview.inference_details, longview.refusal_details TO longview_worker;
GRANT SELECT ON longview.ledger_status TO longview_worker, longview_clinician, longview_auditor;
