-- The timer table: one row per armed deadline, made again from the log at any time. Firing is idempotent, so a row that comes back does no harm.
CREATE TABLE dealtrail_read.timers (
    record           text        NOT NULL,
    deadline         text        NOT NULL,
    subject          text        NOT NULL,  -- the work or approval it is about; empty: the record itself
    armed_at         bigint      NOT NULL,  -- the position of the event it began with
    -- A version of a playbook that takes effect later has rows of its own, which nobody claims before.
    in_force_from    timestamptz NOT NULL DEFAULT '-infinity',
    in_force_until   timestamptz,
    kind             text        NOT NULL,
    playbook         text        NOT NULL,
    playbook_version integer     NOT NULL,
    starts_at        timestamptz NOT NULL,
    warn_at          timestamptz,
    due_at           timestamptz,           -- NULL: it stands still, or the calendar ends before
    is_paused        boolean     NOT NULL,
    told_rung        integer,               -- how far up its ladder it is; NULL: nobody was told
    told_repeat      integer,
    next_rung        integer,
    next_repeat      integer,
    next_at          timestamptz,           -- NULL: nothing is left to tell
    PRIMARY KEY (record, deadline, subject, armed_at, in_force_from)
);
CREATE INDEX timers_by_next ON dealtrail_read.timers (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX timers_by_due ON dealtrail_read.timers (kind, due_at);

-- Records of the kinds that have deadlines, as their deadlines see them, and how far each ladder is.
CREATE TABLE dealtrail_read.watched_records (
    stream  text  PRIMARY KEY,
    kind    text  NOT NULL,
    owner   text,
    watched jsonb NOT NULL,
    told    jsonb NOT NULL
);
CREATE INDEX watched_records_by_kind ON dealtrail_read.watched_records (kind, stream);
CREATE INDEX watched_records_by_owner ON dealtrail_read.watched_records (owner);
CREATE TABLE dealtrail_read.watched_kinds (kind text PRIMARY KEY);

-- What a clock has just sent, until the timer table knows of it: nobody sends it again meanwhile. Not derived, and worth nothing after a minute.
CREATE UNLOGGED TABLE dealtrail_read.timer_rests (
    record    text        NOT NULL,
    deadline  text        NOT NULL,
    subject   text        NOT NULL,
    armed_at  bigint      NOT NULL,
    rung      integer     NOT NULL,
    repeat    integer     NOT NULL,
    until     timestamptz NOT NULL,
    PRIMARY KEY (record, deadline, subject, armed_at, rung, repeat)
);
CREATE INDEX timer_rests_by_end ON dealtrail_read.timer_rests (until);

-- The read model of what was told: one row per rung of a deadline that was noticed.
CREATE TABLE dealtrail_read.escalations (
    position     bigint      PRIMARY KEY,
    record       text        NOT NULL,
    kind         text        NOT NULL,
    deadline     text        NOT NULL,
    subject      text        NOT NULL,
    armed_at     bigint      NOT NULL,
    rung         integer     NOT NULL,
    repeat       integer     NOT NULL,
    due_at       timestamptz NOT NULL,
    noticed_at   timestamptz NOT NULL,
    told         text[]      NOT NULL,
    skipped      integer[]   NOT NULL,
    acknowledged jsonb       NOT NULL,  -- by person: when, and the position
    playbook         text,
    playbook_version integer
);
CREATE INDEX escalations_by_person ON dealtrail_read.escalations USING gin (told);
CREATE INDEX escalations_by_record ON dealtrail_read.escalations (record, deadline);
CREATE INDEX escalations_by_kind ON dealtrail_read.escalations (kind, position);
