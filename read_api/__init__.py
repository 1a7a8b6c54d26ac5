"""The way out over HTTP: read-only, every answer through the lens."""

from projections.polars_settings import tell_polars

tell_polars()
