-- What became of reactions, found by record, by reaction and by what failed. The event itself is read from the log.
CREATE TABLE dealtrail_read.reactions (
    position         bigint NOT NULL PRIMARY KEY,
    record           text   NOT NULL,
    kind             text   NOT NULL,
    reaction         text   NOT NULL,
    cause            bigint NOT NULL,
    what             text   NOT NULL,
    settled_position bigint  -- of a failure: the event by which it was tried again
);
CREATE INDEX reactions_by_record ON dealtrail_read.reactions (record, reaction, cause, position);
CREATE INDEX reactions_by_kind ON dealtrail_read.reactions (kind, position);
CREATE INDEX reactions_by_name ON dealtrail_read.reactions (reaction, position);
CREATE INDEX reactions_failed ON dealtrail_read.reactions (position) WHERE what = 'failed';

-- What happened before there were reactions sets none off: on a log that is older, the worker begins where the log ends now.
INSERT INTO dealtrail_read.cursors (projection, position)
SELECT 'reacting', max(notification_id) FROM dealtrail.events HAVING max(notification_id) IS NOT NULL;
