"""The way out over HTTP: read-only, every answer through the lens."""

import projections  # noqa: F401 — first of all: Polars listens to its settings only once (decision 33)
