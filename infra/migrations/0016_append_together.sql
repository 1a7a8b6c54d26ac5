-- The same append as before, with the tables asked and written once a batch instead of once a row: PostgreSQL reads the check constraints
-- of a table anew for every INSERT, which cost more than all the hashing. Between the questions and the answers the loop only reckons.
--
-- `name` are the streams a batch mentions, each once; events and expectations say which one by its number, from 1.
-- `twin` is the command before this one in the batch that has the same key, 0 without one: two callers may send the same at once.
-- A twin that is not told, or a stream that is named twice, runs into the primary keys of the tables, and nothing is written.
DROP FUNCTION dealtrail.append;

CREATE FUNCTION dealtrail.append(
    client text[], key text[], body_hmac bytea[], outcome text[], told_time timestamptz[],
    event_from int[], event_count int[], expect_from int[], expect_count int[], twin int[],
    name text[],
    expect_stream int[], expect_version bigint[], expect_own boolean[],
    stream int[], version bigint[], topic text[], state bytea[], occurred_at timestamptz[], decided_at timestamptz[], basis bigint[],
    playbook text[], playbook_version int[], actor text[], on_behalf_of text[], channel text[], reason text[],
    command_id text[], correlation_id text[], causation_id text[], salt bytea[], root bytea[]
) RETURNS TABLE (command int, result text, first_position bigint, last_position bigint, recorded timestamptz,
                 stored_outcome text, moved_stream text)
-- What a session first asked of an empty log must not become its plan for a full one.
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
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
    appended      boolean[];
    -- Of every event that is written.
    new_position  bigint[];
    new_version   bigint[];
    new_moment    timestamptz[];
    new_basis     bigint[];
    new_hash      bytea[];
    commands      int := coalesce(array_length(append.event_from, 1), 0);
    events        int := coalesce(array_length(append.stream, 1), 0);
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
    new_position := array_fill(NULL::bigint, ARRAY[events]); new_version := new_position; new_basis := new_position;
    new_moment := array_fill(NULL::timestamptz, ARRAY[events]); new_hash := array_fill(NULL::bytea, ARRAY[events]);
    SELECT array_agg(before.body_hmac ORDER BY asked.place), array_agg(before.outcome ORDER BY asked.place),
           array_agg(before.first_position ORDER BY asked.place), array_agg(before.last_position ORDER BY asked.place)
        INTO known_hmac, known_outcome, known_first, known_last
        FROM unnest(append.client, append.key) WITH ORDINALITY AS asked (client, key, place)
        LEFT JOIN LATERAL (SELECT k.* FROM dealtrail.commands k WHERE k.client = asked.client AND k.key = asked.key LIMIT 1) AS before ON true;

    <<next_command>>
    FOR c IN 1 .. commands LOOP
        command := c; first_position := NULL; last_position := NULL; recorded := NULL; stored_outcome := NULL; moved_stream := NULL;
        appended[c] := false;

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
            new_position[e] := head_position; new_version[e] := next_version; new_moment[e] := now_is;
            new_basis[e] := event_basis; new_hash[e] := head_hash;
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
            appended[c] := true;
            known_hmac[c] := append.body_hmac[c]; known_outcome[c] := stored_outcome;
            known_first[c] := first_position; known_last[c] := last_position;
        END IF;
        RETURN NEXT;
    END LOOP;

    IF head_position > started_from THEN
        INSERT INTO dealtrail.events
            SELECT append.name[new.stream], new.version, new.topic, new.state, new.position, new.moment, new.occurred_at, new.decided_at, new.basis,
                   new.playbook, new.playbook_version, new.actor, new.on_behalf_of, new.channel, new.reason,
                   new.command_id, new.correlation_id, new.causation_id, new.salt, new.root, new.hash
            FROM unnest(append.stream, new_version, append.topic, append.state, new_position, new_moment, append.occurred_at, append.decided_at, new_basis,
                        append.playbook, append.playbook_version, append.actor, append.on_behalf_of, append.channel, append.reason,
                        append.command_id, append.correlation_id, append.causation_id, append.salt, append.root, new_hash)
                AS new (stream, version, topic, state, position, moment, occurred_at, decided_at, basis, playbook, playbook_version, actor, on_behalf_of, channel,
                        reason, command_id, correlation_id, causation_id, salt, root, hash)
            WHERE new.position IS NOT NULL;
        PERFORM pg_notify('dealtrail_events', head_position::text);
    END IF;
    INSERT INTO dealtrail.commands
        SELECT new.client, new.key, new.body_hmac, new.outcome, new.first_position, new.last_position
        FROM unnest(append.client, append.key, append.body_hmac, append.outcome, known_first, known_last, appended)
            AS new (client, key, body_hmac, outcome, first_position, last_position, appended)
        WHERE new.appended;
END $$;
