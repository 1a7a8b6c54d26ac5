"""The organisation: people, roles and teams, as of any position of the log."""
