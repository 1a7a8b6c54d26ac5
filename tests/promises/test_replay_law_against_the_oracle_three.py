"""Replay, its law, metrics and indices, against an independent implementation, over long generated histories (shard three of four)."""

from support.oracle_shard import *  # noqa: F403 — every shard holds the same promises

SHARD = "three"
