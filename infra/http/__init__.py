"""The HTTP edge: who calls, how much they may send, and what an error looks like."""
