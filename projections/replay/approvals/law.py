"""The law for approvals: the version a request was decided under names the same levels and the same people again."""

from collections.abc import Sequence

from domain.work.approving import Level
from projections.replay.approvals.routing import Routed
from projections.replay.verdicts import Law


def law_says(found: Routed, recorded: Sequence[Level], order: str) -> Law:
    """Tell whether a routing is the recorded one; where it is not and rests on what was erased, nobody can say."""
    is_same = (
        found.refused is None
        and found.chain is not None
        and found.chain.order == order
        and [level.as_json() for level in found.levels] == [level.as_json() for level in recorded]
    )
    return Law.reproduced if is_same else Law.erased if found.erased else Law.different
