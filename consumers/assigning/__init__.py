"""Assignment at work: the worker that finds owners in log order, and the clock that recycles what nobody touches."""
