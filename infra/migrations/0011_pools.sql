-- Assignment counts the records each person has, as they stood at a position of the log: versions that held after it, and those that
-- still hold, which lie at the end. A scan from a late position on passes none of those that were over before.
CREATE INDEX record_versions_standing ON dealtrail_read.record_versions (kind, (coalesce(until_position, 9223372036854775807)));

-- What pools decided, found by pool, by record and by person. The event itself, with every candidate, is read from the log.
CREATE TABLE dealtrail_read.assignments (
    position bigint NOT NULL PRIMARY KEY,
    pool     text   NOT NULL,
    record   text   NOT NULL,
    what     text   NOT NULL,
    person   text
);
CREATE INDEX assignments_by_pool ON dealtrail_read.assignments (pool, position);
CREATE INDEX assignments_by_record ON dealtrail_read.assignments (record, position);
CREATE INDEX assignments_by_person ON dealtrail_read.assignments (person, position);
