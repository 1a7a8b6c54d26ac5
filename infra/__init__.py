"""The composition root and the adapters: PostgreSQL, keys, settings, command line, server."""

from projections.polars_settings import tell_polars

tell_polars()
