"""Mutants of `dealtrail.append`: the function as it stands in a throw-away database, with one thing taken away.

A promise whose test also passes on the mutant would prove nothing.
"""

from typing import Any

Mutation = tuple[tuple[str, str], ...]
"""Pieces of the function's source and what stands there instead; each piece occurs exactly once."""

WITHOUT_THE_LOCK: Mutation = (("PERFORM pg_advisory_xact_lock(7305811146190384);", ""),)

WITH_A_SEQUENCE: Mutation = (
    *WITHOUT_THE_LOCK,
    ("head_position := head_position + 1;", "head_position := nextval('dealtrail.positions');"),
)
"""Positions from a stock sequence: nobody collides any more, and whoever commits late appears behind readers."""

WITHOUT_THE_KEY_LOOKUP: Mutation = (("IF known_hmac[c] IS NOT NULL THEN", "IF false THEN"),)

WITHOUT_THE_READ_SET: Mutation = (
    (
        "IF found_version <> append.expect_version[x] OR",
        "IF append.expect_own[x] AND found_version <> append.expect_version[x] OR",
    ),
)

WITHOUT_HOLDING_THE_CLOCK: Mutation = (
    ("now_is := greatest(clock_timestamp(), head_moment);", "now_is := clock_timestamp();"),
)

SEQUENCE = (
    "CREATE SEQUENCE dealtrail.positions",
    "ALTER SEQUENCE dealtrail.positions OWNER TO dealtrail_owner",
    "SELECT setval('dealtrail.positions', (SELECT max(notification_id) FROM dealtrail.events))",
)


def install(server: Any, name: str, mutation: Mutation) -> None:
    """Put a mutant in place of `dealtrail.append` in a database; `server` runs SQL as its superuser."""
    if mutation is WITH_A_SEQUENCE:
        server.run(name, *SEQUENCE)
    (row,) = server.run(name, "SELECT pg_get_functiondef('dealtrail.append'::regproc) AS source")
    source = row["source"]
    for piece, instead in mutation:
        assert source.count(piece) == 1, f"the mutation no longer fits dealtrail.append: {piece!r}"
        source = source.replace(piece, instead)
    server.run(name, source)
