-- The sealed, append-only log. docs/format.md says what each column means and how it is hashed.
CREATE SCHEMA dealtrail;

CREATE TABLE dealtrail.events (
    originator_id      text        NOT NULL,
    originator_version bigint      NOT NULL CHECK (originator_version >= 1),
    topic              text        NOT NULL,
    state              bytea       NOT NULL,
    notification_id    bigint      NOT NULL CHECK (notification_id >= 1),
    recorded_at        timestamptz NOT NULL,
    occurred_at        timestamptz,
    decided_at         timestamptz NOT NULL,
    basis              bigint      NOT NULL CHECK (basis < notification_id),
    playbook           text,
    playbook_version   integer,
    actor              text        NOT NULL,
    on_behalf_of       text,
    channel            text        NOT NULL,
    reason             text,
    command_id         text        NOT NULL,
    correlation_id     text,
    causation_id       text,
    salt               bytea       NOT NULL CHECK (octet_length(salt) = 16),
    root               bytea       NOT NULL CHECK (octet_length(root) = 32),
    hash               bytea       NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (originator_id, originator_version),
    -- Moments that neither Python nor an i64 of microseconds can hold stay out.
    CHECK (recorded_at BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59.999999Z'),
    CHECK (occurred_at BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59.999999Z'),
    CHECK (decided_at BETWEEN '0001-01-01Z' AND '9999-12-31T23:59:59.999999Z')
);
CREATE UNIQUE INDEX events_position ON dealtrail.events (notification_id);

-- What was answered to each idempotency key, kept for ever, written in the transaction of the events.
-- A command that changed nothing has no positions.
CREATE TABLE dealtrail.commands (
    client         text   NOT NULL,
    key            text   NOT NULL,
    body_hmac      bytea  NOT NULL,
    outcome        text   NOT NULL CHECK (outcome IN ('accepted', 'refused')),
    first_position bigint,
    last_position  bigint,
    PRIMARY KEY (client, key),
    CHECK ((first_position IS NULL) = (last_position IS NULL))
);

CREATE FUNCTION dealtrail.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE ON dealtrail.events
    FOR EACH ROW EXECUTE FUNCTION dealtrail.refuse_change();
CREATE TRIGGER events_are_never_truncated BEFORE TRUNCATE ON dealtrail.events
    FOR EACH STATEMENT EXECUTE FUNCTION dealtrail.refuse_change();
CREATE TRIGGER commands_are_append_only BEFORE UPDATE OR DELETE ON dealtrail.commands
    FOR EACH ROW EXECUTE FUNCTION dealtrail.refuse_change();
CREATE TRIGGER commands_are_never_truncated BEFORE TRUNCATE ON dealtrail.commands
    FOR EACH STATEMENT EXECUTE FUNCTION dealtrail.refuse_change();
