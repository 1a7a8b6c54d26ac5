-- What one append asks is always asked the same way: by key, by position, by stream. Planning it anew each time cost more than
-- answering it, so the plan that fits every batch is kept. And what a hash is made of is reckoned where it is asked, without an
-- executor of its own for each column.
ALTER FUNCTION dealtrail.append SET plan_cache_mode = force_generic_plan;

CREATE OR REPLACE FUNCTION dealtrail.sealed_text(value text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN value IS NULL THEN int8send(-1)
                ELSE int8send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') END;
END $$;

CREATE OR REPLACE FUNCTION dealtrail.sealed_moment(value timestamptz) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN value IS NULL THEN '\x00'::bytea
                ELSE '\x01'::bytea || int8send((extract(epoch FROM value) * 1000000)::bigint) END;
END $$;

CREATE OR REPLACE FUNCTION dealtrail.sealed_number(value bigint) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN value IS NULL THEN '\x00'::bytea ELSE '\x01'::bytea || int8send(value) END;
END $$;
