"""Deadlines: what is due when, who is told, and what was noticed although nobody touched anything."""
