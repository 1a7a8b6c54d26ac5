"""Playbooks: versioned agreements on how a team sells, as data."""
