-- The ledger in the database: an inbox that every recording transaction writes to, the sequence of entries, the full
-- tiles of its Merkle tree, and the signed checkpoints (docs/audit.md).
--
-- An entry is its bytes. What else is kept of it is an index that can be made again from the bytes.

-- What opens a commitment of an entry. A value keeps its salt, so that one patient is one commitment in all entries,
-- until the patient is erased and the row with it.
CREATE TABLE longview.openings (
    commitment bytea PRIMARY KEY CHECK (octet_length(commitment) = 32),
    domain     text NOT NULL,
    salt       bytea NOT NULL CHECK (octet_length(salt) = 32),
    value      bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX openings_value ON longview.openings (domain, sha256(value));

-- The commitment to a value: SHA-256(domain, 0x00, salt, value). Made with a new salt where the value has none yet.
CREATE FUNCTION longview.commit_value(domain text, value bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept bytea;
    salt bytea;
BEGIN
    IF value IS NULL THEN
        RETURN NULL;
    END IF;
    FOR attempt IN 1..3 LOOP
        SELECT o.commitment INTO kept FROM longview.openings o
        WHERE o.domain = commit_value.domain AND sha256(o.value) = sha256(commit_value.value);
        IF FOUND THEN
            RETURN encode(kept, 'hex');
        END IF;
        -- Three random UUIDs hold 366 random bits.
        salt := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
        INSERT INTO longview.openings (commitment, domain, salt, value)
        VALUES (sha256(convert_to(commit_value.domain, 'UTF8') || '\x00'::bytea || salt || commit_value.value),
                commit_value.domain, salt, commit_value.value)
        ON CONFLICT DO NOTHING;
        -- Another transaction may have been first; what it committed is seen by the next look.
    END LOOP;
    -- Only in a transaction that sees no news.
    RAISE EXCEPTION 'another transaction committed to the same value' USING ERRCODE = 'serialization_failure';
END
$$;

-- A patient: the ID within its issuer.
CREATE FUNCTION longview.commit_patient(patient_id text, issuer text) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN patient_id IS NOT NULL THEN
    longview.commit_value('longview/v1/patient',
        convert_to(coalesce(issuer, ''), 'UTF8') || '\x00'::bytea || convert_to(patient_id, 'UTF8')) END;

CREATE FUNCTION longview.commit_text(domain text, value text) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN longview.commit_value(domain, convert_to(value, 'UTF8'));

CREATE FUNCTION longview.commit_digest(domain text, digest text) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN longview.commit_value(domain, decode(digest, 'hex'));

-- What an entry says of an object. The order of the commitments is the same everywhere, so that two transactions that
-- commit to the same new values wait for each other and never both.
CREATE FUNCTION longview.commit_object(
    object_sha256 text, OUT object text, OUT sop_instance text, OUT series text, OUT study text, OUT patient text,
    OUT accession text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o longview.objects;
BEGIN
    SELECT * INTO STRICT o FROM longview.objects WHERE sha256 = object_sha256;
    patient := longview.commit_patient(o.patient_id, o.issuer_of_patient_id);
    accession := longview.commit_text('longview/v1/accession-number', o.accession_number);
    study := longview.commit_text('longview/v1/study-instance-uid', o.study_instance_uid);
    series := longview.commit_text('longview/v1/series-instance-uid', o.series_instance_uid);
    sop_instance := longview.commit_text('longview/v1/sop-instance-uid', o.sop_instance_uid);
    object := longview.commit_digest('longview/v1/object-sha256', o.sha256);
END
$$;

-- Entries that are recorded and have no place yet. Whoever records something adds its entry in the same transaction.
CREATE TABLE longview.ledger_inbox (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry     bytea NOT NULL CHECK (octet_length(entry) BETWEEN 2 AND 65535),
    rejection text   -- why it can't be an entry: nothing of Longview's writes such a one
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- What can be asked of entries: their type, day, actor, patients and records.
CREATE FUNCTION longview.ledger_terms(entry bytea) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e jsonb := convert_from(entry, 'UTF8')::jsonb;
    b jsonb := e -> 'body';
    terms text[];
BEGIN
    terms := ARRAY['type:' || (e ->> 'type'), 'day:' || left(e ->> 'time', 10), 'actor:' || (e -> 'actor' ->> 'id')];
    IF b ? 'patient' THEN
        terms := terms || ('patient:' || (b ->> 'patient'));
    END IF;
    IF b ? 'inference_id' THEN
        terms := terms || ('record:' || (b ->> 'inference_id'));
    ELSIF b ? 'refusal_id' THEN
        terms := terms || ('record:' || (b ->> 'refusal_id'));
    ELSIF b ? 'read_id' THEN
        SELECT terms || array_agg('patient:' || p) INTO terms FROM jsonb_array_elements_text(b -> 'patients') AS p;
        SELECT terms || array_agg('record:' || r) INTO terms FROM jsonb_array_elements_text(b -> 'records') AS r;
        SELECT terms || array_agg('patient:' || (c ->> 'commitment')) INTO terms
        FROM jsonb_array_elements(b -> 'criteria') AS c WHERE c ->> 'name' = 'patient' AND c ? 'commitment';
    END IF;
    RETURN array_remove(terms, NULL);
EXCEPTION
    WHEN OTHERS THEN RETURN '{}';  -- an altered entry must still be kept, as evidence
END
$$;

CREATE TABLE longview.ledger_entries (
    index bigint PRIMARY KEY CHECK (index >= 0),
    entry bytea NOT NULL
);
ALTER TABLE longview.ledger_entries ALTER COLUMN entry SET STORAGE EXTERNAL;
CREATE INDEX ledger_entries_terms ON longview.ledger_entries USING gin (longview.ledger_terms(entry));

-- Full tiles only: 256 hashes. Partial ones follow from the entries and the tiles below.
CREATE TABLE longview.ledger_tiles (
    level  integer NOT NULL CHECK (level BETWEEN 0 AND 7),
    index  bigint NOT NULL CHECK (index >= 0),
    hashes bytea NOT NULL CHECK (octet_length(hashes) = 256 * 32),
    PRIMARY KEY (level, index)
);
ALTER TABLE longview.ledger_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE longview.ledger_checkpoints (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size       bigint NOT NULL CHECK (size >= 0),
    note       bytea NOT NULL,                  -- signed note with its cosignatures, byte for byte
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ledger_checkpoints_size ON longview.ledger_checkpoints (size, id);

-- Why publication stopped, each time it did.
CREATE TABLE longview.ledger_alarms (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code      text NOT NULL,
    message   text NOT NULL,
    host      text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Moves entries from the inbox to the places from `first` on, in the order of `ids`: all or nothing.
CREATE FUNCTION longview.sequence_entries(first bigint, ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    size bigint;
    moved bigint;
BEGIN
    SELECT coalesce(max(e.index) + 1, 0) INTO size FROM longview.ledger_entries e;
    IF size <> first THEN
        RAISE EXCEPTION 'the ledger has % entries, not %', size, first USING ERRCODE = 'serialization_failure';
    END IF;
    WITH taken AS (
        DELETE FROM longview.ledger_inbox i USING unnest(ids) WITH ORDINALITY AS o (id, place)
        WHERE i.id = o.id RETURNING o.place, i.entry
    )
    INSERT INTO longview.ledger_entries (index, entry) SELECT first + place - 1, entry FROM taken;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(ids) THEN
        RAISE EXCEPTION 'only % of % entries are in the inbox', moved, cardinality(ids)
            USING ERRCODE = 'serialization_failure';
    END IF;
END
$$;

-- Marks what is no entry, so that it holds up nothing.
CREATE FUNCTION longview.reject_entry(inbox_id bigint, why text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE longview.ledger_inbox SET rejection = why WHERE id = inbox_id AND rejection IS NULL;
$$;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['ledger_entries', 'ledger_tiles', 'ledger_checkpoints', 'ledger_alarms'] LOOP
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
GRANT EXECUTE ON FUNCTION longview.commit_patient(text, text), longview.commit_text(text, text),
    longview.commit_digest(text, text), longview.commit_object(text), longview.ledger_terms(bytea),
    longview.sequence_entries(bigint, bigint[]), longview.reject_entry(bigint, text) TO longview_worker;
GRANT SELECT ON longview.ledger_inbox, longview.ledger_entries TO longview_worker;
GRANT INSERT (entry) ON longview.ledger_inbox TO longview_worker;
GRANT SELECT, INSERT ON longview.ledger_tiles, longview.ledger_checkpoints, longview.ledger_alarms TO longview_worker;
