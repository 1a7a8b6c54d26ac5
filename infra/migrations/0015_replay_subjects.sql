-- What replays found beside gates: one table a subject, all of one shape. Nothing here is personal: records and people stand under their ids.
CREATE TABLE dealtrail_read.replay_deadlines (
    replay       text   NOT NULL,
    row_number   bigint NOT NULL,
    position     bigint,
    record       text,
    kind         text,
    at           timestamptz,
    name         text,
    verdict      text,
    was          text,
    would        text,
    person_was   text,
    person_would text,
    why          text,
    more         jsonb,
    PRIMARY KEY (replay, row_number)
);
CREATE TABLE dealtrail_read.replay_approvals (LIKE dealtrail_read.replay_deadlines INCLUDING ALL);
CREATE TABLE dealtrail_read.replay_assignment (LIKE dealtrail_read.replay_deadlines INCLUDING ALL);
CREATE TABLE dealtrail_read.replay_reactions (LIKE dealtrail_read.replay_deadlines INCLUDING ALL);

CREATE VIEW analytics.replay_deadlines AS SELECT * FROM dealtrail_read.replay_deadlines;
CREATE VIEW analytics.replay_approvals AS SELECT * FROM dealtrail_read.replay_approvals;
CREATE VIEW analytics.replay_assignment AS SELECT * FROM dealtrail_read.replay_assignment;
CREATE VIEW analytics.replay_reactions AS SELECT * FROM dealtrail_read.replay_reactions;
