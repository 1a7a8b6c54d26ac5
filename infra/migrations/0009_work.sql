-- Work and approvals, as their records' streams tell them. `work` is what waits for somebody, or did: one row a work item,
-- and one row a role of an approval level that waits for somebody now; `record_work` is what the rows are folded from.
CREATE TABLE dealtrail_read.record_work (
    stream text  PRIMARY KEY,
    work   jsonb NOT NULL
);

CREATE TABLE dealtrail_read.work (
    record            text        NOT NULL,
    id                text        NOT NULL,  -- of the work item, or of the approval
    part              text        NOT NULL,  -- empty, or level and role of an approval
    kind              text        NOT NULL,
    what              text        NOT NULL CHECK (what IN ('work', 'approval')),
    template          text        NOT NULL,  -- of the work item, or the chain of the approval
    role              text,
    assignee          text        NOT NULL,
    asked             text,                  -- whose it is, where the assignee stands in for them
    requested_by      text        NOT NULL,
    state             text        NOT NULL,
    is_open           boolean     NOT NULL,
    title             jsonb,                 -- sealed
    fork              text,
    fork_name         text,
    leg               text,
    level             text,
    priority          smallint    NOT NULL,
    waiting_for       text,
    requested_at      timestamptz,
    started_at        timestamptz,
    first_response_at timestamptz,
    done_at           timestamptz,           -- when it ended, however it did
    response_due_at   timestamptz,
    done_due_at       timestamptz,
    answered_by       text,
    response_us       bigint,                -- how long the first answer took, in business time
    playbook          text,
    playbook_version  integer,
    requested_position bigint     NOT NULL,
    PRIMARY KEY (record, id, part)
);
CREATE INDEX work_by_assignee ON dealtrail_read.work (assignee, priority DESC) WHERE is_open;
CREATE INDEX work_by_due ON dealtrail_read.work (done_due_at) WHERE is_open;
CREATE INDEX work_by_pair ON dealtrail_read.work (requested_by, answered_by);
