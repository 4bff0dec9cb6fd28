-- A radiograph's two stages. decode: read, decode, render and judge, where the bytes lie. score: run the network, on any
-- machine of the database, from what the first stage left in `renderings`. A worker that does both at once leaves nothing.
ALTER TABLE longview.jobs ADD COLUMN stage text NOT NULL DEFAULT 'decode' CHECK (stage IN ('decode', 'score'));

DROP INDEX longview.jobs_waiting;
CREATE INDEX jobs_to_decode ON longview.jobs (model_digest, folder, priority, due_at, id)
    WHERE state = 'waiting' AND stage = 'decode';
CREATE INDEX jobs_to_score ON longview.jobs (model_digest, priority, due_at, id)
    WHERE state = 'waiting' AND stage = 'score';

-- Goes with its job, whatever becomes of that: scored, cancelled, or erased with its patient. With the score the picture
-- comes to `pictures`.
CREATE TABLE longview.renderings (
    job_id           bigint PRIMARY KEY REFERENCES longview.jobs (id) ON DELETE CASCADE,
    picture_sha256   longview.sha256 NOT NULL,
    width            integer NOT NULL CHECK (width > 0),
    height           integer NOT NULL CHECK (height > 0),
    data             bytea NOT NULL,              -- PNG
    rendering        jsonb NOT NULL,              -- as in inferences, with who rendered it
    gate             jsonb NOT NULL,
    flags            text[] NOT NULL,
    decode_ms        double precision NOT NULL CHECK (decode_ms >= 0),
    render_ms        double precision NOT NULL CHECK (render_ms >= 0),
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE longview.renderings ALTER COLUMN data SET STORAGE EXTERNAL;  -- PNG is compressed already
GRANT SELECT, INSERT, DELETE ON longview.renderings TO longview_worker;

-- A job has a rendering exactly while it is to be scored from one. What was rendered is by one model's profile: given to
-- another model, a job begins anew.
CREATE FUNCTION longview.begin_anew() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.model_digest IS DISTINCT FROM OLD.model_digest THEN
        NEW.stage := 'decode';
    END IF;
    IF NEW.stage = 'decode' THEN
        DELETE FROM longview.renderings WHERE job_id = OLD.id;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION longview.begin_anew() FROM PUBLIC;
CREATE TRIGGER begin_anew BEFORE UPDATE OF model_digest, stage ON longview.jobs
    FOR EACH ROW WHEN (OLD.stage = 'score') EXECUTE FUNCTION longview.begin_anew();
