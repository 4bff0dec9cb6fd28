-- How far the trail was delivered to audit repositories (IHE ATNA). The ledger itself is the outbox: what has its place
-- and was not delivered is delivered next, in order.
CREATE TABLE longview.audit_deliveries (
    destination text PRIMARY KEY CHECK (destination <> ''),
    next_index  bigint NOT NULL CHECK (next_index >= 0),
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON longview.audit_deliveries TO longview_worker;

-- What an export selects: a patient's commitments, and the question as it is recorded.
CREATE FUNCTION longview.export_selection(read_id uuid, OUT patients text[], OUT criteria jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r longview.reads := longview.granted_read(read_id, ARRAY['export']);
BEGIN
    patients := coalesce((SELECT array_agg(substring(t FROM 9)) FROM unnest(r.any_terms) AS t), '{}');
    criteria := r.criteria;
END
$$;
REVOKE ALL ON FUNCTION longview.export_selection(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION longview.export_selection(uuid) TO longview_auditor;
