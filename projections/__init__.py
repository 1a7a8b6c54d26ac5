"""The read side: read models, views as of any moment, and the replay of rules."""
