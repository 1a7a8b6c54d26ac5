-- What replays found, for analysts: datasets keyed by the id of the replay, beside the live tables and never mixed with them.
-- Nothing here is personal: records, people and requirements stand under their ids.
CREATE TABLE dealtrail_read.replays (
    replay         text   PRIMARY KEY CHECK (replay ~ '^[0-9a-f]{64}$'),
    playbook       text   NOT NULL,
    draft          integer,
    digest         text   NOT NULL,
    after_position bigint NOT NULL,
    upto_position  bigint NOT NULL,
    position       bigint NOT NULL,
    scope          jsonb  NOT NULL,
    impact         jsonb  NOT NULL
);

CREATE TABLE dealtrail_read.replay_decisions (
    replay                   text    NOT NULL,
    row_number               bigint  NOT NULL,
    position                 bigint,
    record                   text,
    kind                     text,
    playbook                 text,
    playbook_version         integer,
    before                   text,
    after                    text,
    move                     text,
    path                     text,
    owner                    text,
    actor                    text,
    at                       timestamptz,
    recorded_at              timestamptz,
    verdict                  text,
    requirements             text[],
    waived                   text[],
    erased                   boolean,
    delayed_until_position   bigint,
    delayed_until_at         timestamptz,
    delayed_seconds          bigint,
    never                    boolean,
    more                     jsonb,
    PRIMARY KEY (replay, row_number)
);

CREATE TABLE dealtrail_read.replay_gate_state (
    replay           text   NOT NULL,
    row_number       bigint NOT NULL,
    record           text,
    kind             text,
    step             text,
    next_step        text,
    unmet            text[],
    unmet_published  text[],
    more             jsonb,
    PRIMARY KEY (replay, row_number)
);
CREATE INDEX replay_gate_state_by_record ON dealtrail_read.replay_gate_state (replay, record);

CREATE TABLE dealtrail_read.replay_index_values (
    replay      text   NOT NULL,
    row_number  bigint NOT NULL,
    "index"     text,
    kind        text,
    period      text,
    more        jsonb,
    PRIMARY KEY (replay, row_number)
);

-- What analysts see. Views of the owner: who reads them needs no right on the tables behind them.
CREATE SCHEMA analytics;
CREATE VIEW analytics.replays AS SELECT * FROM dealtrail_read.replays;
CREATE VIEW analytics.replay_decisions AS SELECT * FROM dealtrail_read.replay_decisions;
CREATE VIEW analytics.replay_gate_state AS SELECT * FROM dealtrail_read.replay_gate_state;
CREATE VIEW analytics.replay_index_values AS SELECT * FROM dealtrail_read.replay_index_values;

-- Roles belong to the server, and the owner of the tables makes none: whoever runs the migrations does, or is told in the guide how to.
RESET ROLE;
DO $$ BEGIN CREATE ROLE dealtrail_analyst NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
          WHEN insufficient_privilege THEN RAISE NOTICE 'the role dealtrail_analyst was not made: CREATE ROLE dealtrail_analyst NOLOGIN';
END $$;
SET ROLE dealtrail_owner;
