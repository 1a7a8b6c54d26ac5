-- Every version of every record, so that a list as of any position is one query. A version holds from its position until the next one's.
-- The list of touches is kept with the last version only: with every version it would grow with the square of its length.
CREATE TABLE dealtrail_read.record_versions (
    stream         text    NOT NULL,
    kind           text    NOT NULL,
    from_position  bigint  NOT NULL,
    until_position bigint,
    touches        integer NOT NULL,
    last_touch_at  text,
    record         jsonb   NOT NULL,
    PRIMARY KEY (stream, from_position)
);
CREATE UNIQUE INDEX record_versions_now ON dealtrail_read.record_versions (kind, stream COLLATE "C") WHERE until_position IS NULL;

-- Refused attempts lie in streams of their own, by record or by day; here they are found by the record they are about.
CREATE TABLE dealtrail_read.refused_attempts (
    record   text   NOT NULL,
    position bigint NOT NULL,
    stream   text   NOT NULL,
    PRIMARY KEY (record, position)
);
