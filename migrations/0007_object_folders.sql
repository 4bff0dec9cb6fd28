-- Where the bytes of an object lie: the identity of the object folder they were put into. A job is for workers that have
-- that folder; several hosts may share one. All zeros: taken in before folders had an identity. Workers adopt the jobs of
-- such objects that their own host took in.
ALTER TABLE longview.intakes ADD COLUMN folder uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE longview.jobs ADD COLUMN folder uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';

DROP INDEX longview.jobs_waiting;
CREATE INDEX jobs_waiting ON longview.jobs (model_digest, folder, priority, due_at, id) WHERE state = 'waiting';
