-- What the application role may do. Applied after every migration; nothing here grants UPDATE, DELETE or TRUNCATE on the log.
REVOKE ALL ON ALL TABLES IN SCHEMA dealtrail, dealtrail_keys FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dealtrail, dealtrail_keys FROM PUBLIC;
GRANT USAGE ON SCHEMA dealtrail, dealtrail_keys, dealtrail_read TO dealtrail_app;
GRANT SELECT ON ALL TABLES IN SCHEMA dealtrail, dealtrail_keys TO dealtrail_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dealtrail, dealtrail_keys TO dealtrail_app;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA dealtrail_read TO dealtrail_app;
-- Keys are destroyed by appending an erasure, never by calling the function.
REVOKE ALL ON FUNCTION dealtrail_keys.destroy(text) FROM dealtrail_app;
-- Analysts read what the schema `analytics` shows, and nothing else: GRANT dealtrail_analyst TO somebody.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dealtrail_analyst') THEN
        GRANT USAGE ON SCHEMA analytics TO dealtrail_analyst;
        GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO dealtrail_analyst;
    END IF;
END $$;
