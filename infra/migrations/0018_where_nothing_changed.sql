-- A command that changes nothing is answered with the position it was looked at, too, and the same each time it is sent again. So its key
-- keeps an empty range: it begins after the last position there was, and ends before it begins. Nothing else of the append changes.
DO $$
DECLARE
    before text := pg_get_functiondef('dealtrail.append'::regproc);
    now_is text := replace(before, 'ELSE
            first_position := NULL;', 'ELSE
            last_position := head_position;');
BEGIN
    IF now_is = before THEN
        RAISE EXCEPTION 'the append is not the one this migration changes';
    END IF;
    EXECUTE now_is;
END $$;

COMMENT ON COLUMN dealtrail.commands.first_position IS
    'Of the first event. Where nothing changed, one after last_position; null where that was answered before this was kept.';
COMMENT ON COLUMN dealtrail.commands.last_position IS
    'Of the last event. Where nothing changed, the last position of the log then; null where that was answered before this was kept.';
