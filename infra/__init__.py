"""The composition root and the adapters: PostgreSQL, keys, settings, command line, server."""

import projections  # noqa: F401 — first of all: Polars listens to its settings only once (decision 33)
