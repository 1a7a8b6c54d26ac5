-- The same append as before, with the rows put together as rows: twenty arrays side by side, taken apart again for the INSERT, cost as much
-- as writing them. And text(x), moment(x) and number(x) of docs/format.md are spelt so that PostgreSQL reckons them in place, without
-- calling a function for each: one expression each, STABLE as what they are made of.
CREATE OR REPLACE FUNCTION dealtrail.sealed_text(value text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(int8send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8'), '\xffffffffffffffff')
$$;

CREATE OR REPLACE FUNCTION dealtrail.sealed_moment(value timestamptz) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce('\x01'::bytea || int8send((extract(epoch FROM value) * 1000000)::bigint), '\x00')
$$;

CREATE OR REPLACE FUNCTION dealtrail.sealed_number(value bigint) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce('\x01'::bytea || int8send(value), '\x00')
$$;

CREATE OR REPLACE FUNCTION dealtrail.append(
    client text[], key text[], body_hmac bytea[], outcome text[], told_time timestamptz[],
    event_from int[], event_count int[], expect_from int[], expect_count int[], twin int[],
    name text[],
    expect_stream int[], expect_version bigint[], expect_own boolean[],
    stream int[], version bigint[], topic text[], state bytea[], occurred_at timestamptz[], decided_at timestamptz[], basis bigint[],
    playbook text[], playbook_version int[], actor text[], on_behalf_of text[], channel text[], reason text[],
    command_id text[], correlation_id text[], causation_id text[], salt bytea[], root bytea[]
) RETURNS TABLE (command int, result text, first_position bigint, last_position bigint, recorded timestamptz,
                 stored_outcome text, moved_stream text)
-- What a session first asked of an empty log must not become its plan for a full one, and one plan fits every batch.
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    head_position bigint;
    head_hash     bytea;
    head_moment   timestamptz;
    clock         text;
    started_from  bigint;
    now_is        timestamptz;
    found_version bigint;
    event_basis   bigint;
    next_version  bigint;
    prior         int;
    -- Of every stream: the version it has as the batch goes on, and whether an earlier command was not written to it.
    at_version    bigint[];
    unwritten     boolean[];
    named         bigint;
    -- Of every command: what its key was answered before, in the log or in this batch.
    known_hmac    bytea[];
    known_outcome text[];
    known_first   bigint[];
    known_last    bigint[];
    -- What is written in the end.
    new_events    dealtrail.events[];
    new_commands  dealtrail.commands[];
    commands      int := coalesce(array_length(append.event_from, 1), 0);
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

    SELECT array_agg(coalesce((SELECT max(ev.originator_version) FROM dealtrail.events ev WHERE ev.originator_id = asked.name), 0) ORDER BY asked.place),
           count(DISTINCT asked.name)
        INTO at_version, named FROM unnest(append.name) WITH ORDINALITY AS asked (name, place);
    IF named <> coalesce(array_length(append.name, 1), 0) THEN
        RAISE EXCEPTION 'a stream is named twice in one batch' USING ERRCODE = 'unique_violation';
    END IF;
    unwritten := array_fill(false, ARRAY[named::int]);
    SELECT array_agg(before.body_hmac ORDER BY asked.place), array_agg(before.outcome ORDER BY asked.place),
           array_agg(before.first_position ORDER BY asked.place), array_agg(before.last_position ORDER BY asked.place)
        INTO known_hmac, known_outcome, known_first, known_last
        FROM unnest(append.client, append.key) WITH ORDINALITY AS asked (client, key, place)
        LEFT JOIN LATERAL (SELECT k.* FROM dealtrail.commands k WHERE k.client = asked.client AND k.key = asked.key LIMIT 1) AS before ON true;

    <<next_command>>
    FOR c IN 1 .. commands LOOP
        command := c; first_position := NULL; last_position := NULL; recorded := NULL; stored_outcome := NULL; moved_stream := NULL;

        prior := append.twin[c];
        IF prior > 0 AND known_hmac[c] IS NULL THEN
            known_hmac[c] := known_hmac[prior]; known_outcome[c] := known_outcome[prior];
            known_first[c] := known_first[prior]; known_last[c] := known_last[prior];
        END IF;
        IF known_hmac[c] IS NOT NULL THEN
            IF known_hmac[c] = append.body_hmac[c] THEN
                result := 'replayed'; first_position := known_first[c]; last_position := known_last[c];
                stored_outcome := known_outcome[c];
            ELSE
                result := 'mismatch';
            END IF;
            FOR e IN append.event_from[c] .. append.event_from[c] + append.event_count[c] - 1 LOOP
                unwritten[append.stream[e]] := true;
            END LOOP;
            RETURN NEXT; CONTINUE next_command;
        END IF;

        FOR x IN append.expect_from[c] .. append.expect_from[c] + append.expect_count[c] - 1 LOOP
            found_version := at_version[append.expect_stream[x]];
            IF found_version <> append.expect_version[x] OR unwritten[append.expect_stream[x]] THEN
                result := CASE WHEN append.expect_own[x] THEN 'conflict' ELSE 'moved' END;
                moved_stream := append.name[append.expect_stream[x]];
                FOR e IN append.event_from[c] .. append.event_from[c] + append.event_count[c] - 1 LOOP
                    unwritten[append.stream[e]] := true;
                END LOOP;
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
            found_version := at_version[append.stream[e]];
            -- No version means "the next one": streams that only collect, such as refusals, expect nothing.
            next_version := coalesce(append.version[e], found_version + 1);
            IF next_version <> found_version + 1 THEN
                RAISE EXCEPTION 'event % of stream % has version %, the next one is %', e, append.name[append.stream[e]], next_version, found_version + 1
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
                || dealtrail.sealed_text(append.name[append.stream[e]]) || dealtrail.sealed_text(append.topic[e]) || dealtrail.sealed_text(append.playbook[e])
                || dealtrail.sealed_text(append.actor[e]) || dealtrail.sealed_text(append.on_behalf_of[e]) || dealtrail.sealed_text(append.channel[e])
                || dealtrail.sealed_text(append.reason[e]) || dealtrail.sealed_text(append.command_id[e])
                || dealtrail.sealed_text(append.correlation_id[e]) || dealtrail.sealed_text(append.causation_id[e])
                || append.root[e]);
            at_version[append.stream[e]] := next_version;
            new_events := array_append(new_events, ROW(
                append.name[append.stream[e]], next_version, append.topic[e], append.state[e], head_position,
                now_is, append.occurred_at[e], append.decided_at[e], event_basis, append.playbook[e], append.playbook_version[e],
                append.actor[e], append.on_behalf_of[e], append.channel[e], append.reason[e],
                append.command_id[e], append.correlation_id[e], append.causation_id[e],
                append.salt[e], append.root[e], head_hash)::dealtrail.events);
            -- Erasing is an event and the loss of the keys, in one transaction: neither happens without the other.
            IF append.topic[e] = 'subject.erased.v1' THEN
                PERFORM dealtrail_keys.destroy(convert_from(append.state[e], 'UTF8')::jsonb ->> 'subject');
            END IF;
        END LOOP;
        -- A command that changes nothing keeps an empty range: it begins after the last position there was, and ends before it begins.
        last_position := head_position;
        IF append.event_count[c] > 0 THEN
            head_moment := now_is;
        END IF;
        recorded := now_is;
        result := 'appended';
        stored_outcome := append.outcome[c];
        IF append.key[c] IS NOT NULL THEN
            new_commands := array_append(new_commands, ROW(
                append.client[c], append.key[c], append.body_hmac[c], stored_outcome, first_position, last_position)::dealtrail.commands);
            known_hmac[c] := append.body_hmac[c]; known_outcome[c] := stored_outcome;
            known_first[c] := first_position; known_last[c] := last_position;
        END IF;
        RETURN NEXT;
    END LOOP;

    IF head_position > started_from THEN
        INSERT INTO dealtrail.events SELECT new.* FROM unnest(new_events) AS new;
        PERFORM pg_notify('dealtrail_events', head_position::text);
    END IF;
    IF new_commands IS NOT NULL THEN
        INSERT INTO dealtrail.commands SELECT new.* FROM unnest(new_commands) AS new;
    END IF;
END $$;
