-- Who was told of what, one row a notification; made again from the log at any time.
CREATE TABLE dealtrail_read.inbox (
    person        text        NOT NULL,
    position      bigint      NOT NULL,  -- of the event it is about
    id            uuid        NOT NULL,
    topic         text        NOT NULL,
    record        text,
    at            timestamptz NOT NULL,
    reason        text        NOT NULL,
    subscriptions text[]      NOT NULL,
    read_at       timestamptz,
    read_position bigint,
    PRIMARY KEY (person, position)
);
CREATE UNIQUE INDEX inbox_by_id ON dealtrail_read.inbox (id);
CREATE INDEX inbox_unread ON dealtrail_read.inbox (person, position) WHERE read_at IS NULL;

-- What people asked to be told of. The inbox and the deliveries each have their own: each stands where its projection stands.
CREATE TABLE dealtrail_read.inbox_subscriptions (
    person          text   NOT NULL,
    subscription    text   NOT NULL,
    topics          text[] NOT NULL,
    channel         text   NOT NULL,
    kind            text,
    record          text,
    target          text,
    label           jsonb,
    after_position  bigint NOT NULL,
    before_position bigint,
    PRIMARY KEY (person, subscription)
);
CREATE INDEX inbox_subscriptions_by_topic ON dealtrail_read.inbox_subscriptions USING gin (topics);
CREATE TABLE dealtrail_read.delivery_subscriptions (LIKE dealtrail_read.inbox_subscriptions INCLUDING ALL);

-- What leaves the inbox: one row a notification, channel and target. Made by a process whose cursor never rewinds, so it is never made again.
CREATE TABLE dealtrail_read.deliveries (
    id           uuid        PRIMARY KEY,
    notification uuid        NOT NULL,
    person       text        NOT NULL,
    position     bigint      NOT NULL,
    topic        text        NOT NULL,
    record       text,
    at           timestamptz NOT NULL,
    reason       text        NOT NULL,
    channel      text        NOT NULL,
    target       text        NOT NULL,
    status       text        NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'dead')),
    attempts     integer     NOT NULL DEFAULT 0,
    next_at      timestamptz,             -- NULL: there is nothing left to try
    ended_at     timestamptz,
    error        text,
    tries        jsonb       NOT NULL DEFAULT '[]',  -- each attempt: when, and what came of it
    UNIQUE (notification, channel, target)
);
CREATE INDEX deliveries_due ON dealtrail_read.deliveries (next_at) WHERE status = 'waiting';
CREATE INDEX deliveries_by_status ON dealtrail_read.deliveries (status, position DESC, id);
