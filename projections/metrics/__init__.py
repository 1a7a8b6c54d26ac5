"""Metrics: figures over the ledger, each with a written contract and the cases behind every number; and the indices made of them."""
