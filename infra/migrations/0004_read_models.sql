-- Read models: derived from the log, rebuildable at any time, never the truth. Personal values stay sealed here too.
CREATE SCHEMA dealtrail_read;

CREATE TABLE dealtrail_read.cursors (
    projection text PRIMARY KEY,
    position   bigint NOT NULL
);

CREATE TABLE dealtrail_read.current_records (
    stream           text PRIMARY KEY,
    kind             text   NOT NULL,
    external_id      text,
    stage            text,
    owner            text,
    opened_position  bigint NOT NULL,
    position         bigint NOT NULL,
    record           jsonb  NOT NULL
);
CREATE INDEX current_records_by_stage ON dealtrail_read.current_records (kind, stage);
CREATE INDEX current_records_by_external_id ON dealtrail_read.current_records (kind, external_id);

CREATE TABLE dealtrail_read.field_history (
    stream   text   NOT NULL,
    position bigint NOT NULL,
    field    text   NOT NULL,
    kind     text   NOT NULL,
    old      jsonb,
    new      jsonb,
    PRIMARY KEY (stream, position, field)
);
CREATE INDEX field_history_by_field ON dealtrail_read.field_history (kind, field, position);
