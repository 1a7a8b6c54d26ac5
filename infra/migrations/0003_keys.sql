-- Keys stay apart from what they open: this schema is backed up on its own, never beside the log.
CREATE SCHEMA dealtrail_keys;

-- One key per data subject and generation. Destroying the key erases the person; the row stays as the trace of it.
CREATE TABLE dealtrail_keys.subject_keys (
    subject      text        NOT NULL,
    generation   int         NOT NULL CHECK (generation >= 1),
    key          bytea       CHECK (octet_length(key) = 32),
    destroyed_at timestamptz,
    PRIMARY KEY (subject, generation),
    CHECK ((key IS NULL) = (destroyed_at IS NOT NULL))
);

-- Secrets of the whole log: 'pseudonyms' derives ids from natural keys, 'bodies' compares repeated commands.
CREATE TABLE dealtrail_keys.log_secrets (
    name   text  PRIMARY KEY,
    secret bytea NOT NULL CHECK (octet_length(secret) = 32)
);
INSERT INTO dealtrail_keys.log_secrets
SELECT name, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
FROM (VALUES ('pseudonyms'), ('bodies')) AS named (name);

-- The keys to write with: the living generation of each subject, made from the candidates where there is none.
CREATE FUNCTION dealtrail_keys.keys_for_writing(subjects text[], candidates bytea[])
RETURNS TABLE (subject text, generation int, key bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO dealtrail_keys.subject_keys (subject, generation, key)
    SELECT wanted.subject, coalesce((SELECT max(k.generation) FROM dealtrail_keys.subject_keys k WHERE k.subject = wanted.subject), 0) + 1, wanted.candidate
    FROM unnest(keys_for_writing.subjects, keys_for_writing.candidates) AS wanted (subject, candidate)
    WHERE NOT EXISTS (SELECT FROM dealtrail_keys.subject_keys k WHERE k.subject = wanted.subject AND k.key IS NOT NULL)
    ORDER BY wanted.subject
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT k.subject, k.generation, k.key FROM dealtrail_keys.subject_keys k
        WHERE k.subject = ANY (keys_for_writing.subjects) AND k.key IS NOT NULL;
END $$;

-- Erasure: every living key of the subject is destroyed. Answers how many there were.
CREATE FUNCTION dealtrail_keys.destroy(erased text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE destroyed int;
BEGIN
    UPDATE dealtrail_keys.subject_keys SET key = NULL, destroyed_at = clock_timestamp() WHERE subject = erased AND key IS NOT NULL;
    GET DIAGNOSTICS destroyed = ROW_COUNT;
    RETURN destroyed;
END $$;
