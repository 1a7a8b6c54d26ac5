"""Indices over time: periods that were closed, and what stands for them."""
