"""Playbooks that ship with dealtrail, as data."""
