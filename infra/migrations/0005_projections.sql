-- How far each projection is, by which version of it, and why it stopped, when it did.
ALTER TABLE dealtrail_read.cursors
    ADD COLUMN version          integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
    ADD COLUMN stopped_position bigint,
    ADD COLUMN stopped_why      text,
    ADD COLUMN stopped_at       timestamptz,
    ADD CHECK ((stopped_why IS NULL) = (stopped_at IS NULL));

-- Events that a projection keeps aside: the one its handler failed on, and all later ones of the same stream.
-- Only the first of a stream has been tried, so only it has an error; the text names no value of any event.
CREATE TABLE dealtrail_read.parked (
    projection      text        NOT NULL,
    stream          text        NOT NULL,
    position        bigint      NOT NULL,
    error           text,
    attempts        integer     NOT NULL CHECK (attempts >= 0),
    first_failed_at timestamptz NOT NULL,
    PRIMARY KEY (projection, stream, position),
    CHECK ((error IS NULL) = (attempts = 0))
);
