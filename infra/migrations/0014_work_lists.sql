-- Work in the order it is listed, so that a page begins where the one before ended and reads no more than itself.
CREATE INDEX work_in_order ON dealtrail_read.work (
    (NOT is_open), (-priority),
    (coalesce(least(done_due_at, CASE WHEN first_response_at IS NULL THEN response_due_at END), 'infinity'::timestamptz)),
    requested_position, (md5(part))
);

-- Approvals that run, oldest request first.
CREATE INDEX work_of_approvals ON dealtrail_read.work (requested_position) WHERE what = 'approval';
