"""Benchmarks: what is fast is measured here, as ratios where it can be; none of it is a test."""

import projections  # noqa: F401 — first of all: Polars listens to its settings only once (decision 33)
