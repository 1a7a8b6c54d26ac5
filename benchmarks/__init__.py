"""Benchmarks: what is fast is measured here, as ratios where it can be; none of it is a test."""
