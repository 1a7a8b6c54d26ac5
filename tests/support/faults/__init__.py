"""Faults on purpose: seeded plans of what breaks and when, the means to break it, and the checks of what must have survived."""
