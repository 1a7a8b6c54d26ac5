"""Reactions at work: which of them an event sets off, what their steps ask for, and what became of them."""
