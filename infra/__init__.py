"""The composition root and the adapters: PostgreSQL, keys, settings, command line, server."""
