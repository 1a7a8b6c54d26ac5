-- text(x), moment(x) and number(x) of docs/format.md.
CREATE FUNCTION dealtrail.sealed_text(value text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NULL THEN int8send(-1)
                ELSE int8send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') END
$$;

CREATE FUNCTION dealtrail.sealed_moment(value timestamptz) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NULL THEN '\x00'::bytea
                ELSE '\x01'::bytea || int8send((extract(epoch FROM value) * 1000000)::bigint) END
$$;

CREATE FUNCTION dealtrail.sealed_number(value bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NULL THEN '\x00'::bytea ELSE '\x01'::bytea || int8send(value) END
$$;

-- Appends a batch of commands, each with its own outcome, in one transaction and one round trip.
--
-- Commands are numbered from 1. Command c owns the events event_from[c] .. event_from[c] + event_count[c] - 1
-- and the expectations expect_from[c] .. expect_from[c] + expect_count[c] - 1. An expectation is a stream and the version
-- it had when the command was decided; "own" marks the streams the command writes to.
--
--   appended   the events are in the log at first_position .. last_position (null when the command changed nothing)
--   replayed   the idempotency key was used before with the same body; the positions are those of the first time
--   mismatch   the idempotency key was used before with another body; nothing was written
--   conflict   a stream the command writes to has moved (moved_stream); nothing was written for this command
--   moved      a stream the decision read has moved (moved_stream); nothing was written for this command
--
-- A command that is not appended spoils the streams it would have written to for the rest of the batch: what follows was
-- decided on its events, and a version number alone would not tell them from somebody else's.
--
-- The lock is an advisory one, not LOCK TABLE: ANALYZE and VACUUM must not stop appends.
-- The head is the last row by position: a counter row would grow dead versions under every long snapshot.
CREATE FUNCTION dealtrail.append(
    client text[], key text[], body_hmac bytea[], outcome text[], told_time timestamptz[],
    event_from int[], event_count int[], expect_from int[], expect_count int[],
    expect_stream text[], expect_version bigint[], expect_own boolean[],
    stream text[], version bigint[], topic text[], state bytea[], occurred_at timestamptz[], decided_at timestamptz[], basis bigint[],
    playbook text[], playbook_version int[], actor text[], on_behalf_of text[], channel text[], reason text[],
    command_id text[], correlation_id text[], causation_id text[], salt bytea[], root bytea[]
) RETURNS TABLE (command int, result text, first_position bigint, last_position bigint, recorded timestamptz,
                 stored_outcome text, moved_stream text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    head_position bigint;
    head_hash     bytea;
    head_moment   timestamptz;
    clock         text;
    started_from  bigint;
    prior         dealtrail.commands%ROWTYPE;
    now_is        timestamptz;
    found_version bigint;
    event_basis   bigint;
    next_version  bigint;
    unwritten     text[] := '{}';
    c int; e int; x int;
BEGIN
    PERFORM pg_advisory_xact_lock(7305811146190384);  -- "dealtrail": one appender at a time per database
    SELECT notification_id, hash, recorded_at INTO head_position, head_hash, head_moment
        FROM dealtrail.events ORDER BY notification_id DESC LIMIT 1;
    IF NOT FOUND THEN
        IF append.topic[1] IS DISTINCT FROM 'log.begun.v1' THEN
            RAISE EXCEPTION 'the log has not begun: its first event must be log.begun.v1' USING ERRCODE = 'DT001';
        END IF;
        head_position := 0; head_hash := '\x0000000000000000000000000000000000000000000000000000000000000000'; head_moment := '-infinity';
        clock := convert_from(append.state[1], 'UTF8')::jsonb ->> 'clock';
    ELSE
        SELECT convert_from(ev.state, 'UTF8')::jsonb ->> 'clock' INTO clock FROM dealtrail.events ev WHERE ev.notification_id = 1;
    END IF;
    started_from := head_position;

    <<next_command>>
    FOR c IN 1 .. coalesce(array_length(append.event_from, 1), 0) LOOP
        command := c; first_position := NULL; last_position := NULL; recorded := NULL; stored_outcome := NULL; moved_stream := NULL;

        IF append.key[c] IS NOT NULL THEN
            SELECT * INTO prior FROM dealtrail.commands k WHERE k.client = append.client[c] AND k.key = append.key[c];
            IF FOUND THEN
                IF prior.body_hmac = append.body_hmac[c] THEN
                    result := 'replayed'; first_position := prior.first_position; last_position := prior.last_position;
                    stored_outcome := prior.outcome;
                ELSE
                    result := 'mismatch';
                END IF;
                unwritten := unwritten || append.stream[append.event_from[c] : append.event_from[c] + append.event_count[c] - 1];
                RETURN NEXT; CONTINUE next_command;
            END IF;
        END IF;

        FOR x IN append.expect_from[c] .. append.expect_from[c] + append.expect_count[c] - 1 LOOP
            SELECT coalesce(max(ev.originator_version), 0) INTO found_version
                FROM dealtrail.events ev WHERE ev.originator_id = append.expect_stream[x];
            IF found_version <> append.expect_version[x] OR append.expect_stream[x] = ANY (unwritten) THEN
                result := CASE WHEN append.expect_own[x] THEN 'conflict' ELSE 'moved' END;
                moved_stream := append.expect_stream[x];
                unwritten := unwritten || append.stream[append.event_from[c] : append.event_from[c] + append.event_count[c] - 1];
                RETURN NEXT; CONTINUE next_command;
            END IF;
        END LOOP;

        IF clock = 'simulated' THEN
            IF append.told_time[c] IS NULL THEN
                RAISE EXCEPTION 'this log has a simulated clock: the append must tell the time' USING ERRCODE = 'DT002';
            END IF;
            now_is := greatest(append.told_time[c], head_moment);
        ELSE
            IF append.told_time[c] IS NOT NULL THEN
                RAISE EXCEPTION 'this log has the clock of the database: the append must not tell the time' USING ERRCODE = 'DT002';
            END IF;
            now_is := greatest(clock_timestamp(), head_moment);
        END IF;

        first_position := head_position + 1;
        FOR e IN append.event_from[c] .. append.event_from[c] + append.event_count[c] - 1 LOOP
            IF head_position > 0 AND append.topic[e] = 'log.begun.v1' THEN
                RAISE EXCEPTION 'the log has begun already' USING ERRCODE = 'DT001';
            END IF;
            SELECT coalesce(max(ev.originator_version), 0) INTO found_version
                FROM dealtrail.events ev WHERE ev.originator_id = append.stream[e];
            -- No version means "the next one": streams that only collect, such as refusals, expect nothing.
            next_version := coalesce(append.version[e], found_version + 1);
            IF next_version <> found_version + 1 THEN
                RAISE EXCEPTION 'event % of stream % has version %, the next one is %', e, append.stream[e], next_version, found_version + 1
                    USING ERRCODE = 'unique_violation';
            END IF;
            -- Without a basis of its own, a decision stands on the position just before it: its read set was verified there, under this lock.
            event_basis := coalesce(append.basis[e], first_position - 1);
            head_position := head_position + 1;
            head_hash := sha256(head_hash
                || 'dealtrail'::bytea || '\x01'::bytea
                || int8send(head_position) || int8send(next_version) || int8send(event_basis)
                || dealtrail.sealed_moment(now_is) || dealtrail.sealed_moment(append.occurred_at[e]) || dealtrail.sealed_moment(append.decided_at[e])
                || dealtrail.sealed_number(append.playbook_version[e])
                || dealtrail.sealed_text(append.stream[e]) || dealtrail.sealed_text(append.topic[e]) || dealtrail.sealed_text(append.playbook[e])
                || dealtrail.sealed_text(append.actor[e]) || dealtrail.sealed_text(append.on_behalf_of[e]) || dealtrail.sealed_text(append.channel[e])
                || dealtrail.sealed_text(append.reason[e]) || dealtrail.sealed_text(append.command_id[e])
                || dealtrail.sealed_text(append.correlation_id[e]) || dealtrail.sealed_text(append.causation_id[e])
                || append.root[e]);
            INSERT INTO dealtrail.events VALUES (
                append.stream[e], next_version, append.topic[e], append.state[e], head_position,
                now_is, append.occurred_at[e], append.decided_at[e], event_basis, append.playbook[e], append.playbook_version[e],
                append.actor[e], append.on_behalf_of[e], append.channel[e], append.reason[e],
                append.command_id[e], append.correlation_id[e], append.causation_id[e], append.salt[e], append.root[e], head_hash);
            -- Erasing is an event and the loss of the keys, in one transaction: neither happens without the other.
            IF append.topic[e] = 'subject.erased.v1' THEN
                PERFORM dealtrail_keys.destroy(convert_from(append.state[e], 'UTF8')::jsonb ->> 'subject');
            END IF;
        END LOOP;
        IF append.event_count[c] > 0 THEN
            head_moment := now_is;
            last_position := head_position;
        ELSE
            first_position := NULL;
        END IF;
        recorded := now_is;
        result := 'appended';
        stored_outcome := append.outcome[c];
        IF append.key[c] IS NOT NULL THEN
            INSERT INTO dealtrail.commands VALUES (append.client[c], append.key[c], append.body_hmac[c], append.outcome[c], first_position, last_position);
        END IF;
        RETURN NEXT;
    END LOOP;

    IF head_position > started_from THEN
        PERFORM pg_notify('dealtrail_events', head_position::text);
    END IF;
END $$;
