-- Assignment counts the records each person has, as they stood at a position of the log.
CREATE INDEX record_versions_by_owner ON dealtrail_read.record_versions (kind, (record ->> 'owner'), from_position);

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
