"""The sealed log in PostgreSQL, in format 1 (docs/format.md)."""
