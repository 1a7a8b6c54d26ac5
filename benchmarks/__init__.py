"""Benchmarks: what is fast is measured here, as ratios where it can be; none of it is a test."""

from projections.polars_settings import tell_polars

tell_polars()
