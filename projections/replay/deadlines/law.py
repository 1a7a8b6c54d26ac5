"""The law of deadlines: at every look the clock took, the published rules say again what was noticed, word for word."""

from collections.abc import Iterable

from projections.replay.asking import Window
from projections.replay.deadlines.noticing import Looked
from projections.replay.verdicts import Law


def answers(looked: Iterable[Looked], window: Window) -> list[tuple[Law, int]]:
    """Say of each firing in the window whether it comes out as recorded: due when, at which rung, who was told, what was skipped, and by which version.

    No published deadline waits for a personal value, so none of them can hang on one that was erased.
    """
    return [
        (Law.reproduced if _is_said_again(item) else Law.different, item.look.position)
        for item in looked
        if window.after < item.look.position <= window.upto and item.stretch.is_asked
    ]


def _is_said_again(item: Looked) -> bool:
    fired = item.fired
    return (
        fired is not None
        and fired.noticed == item.look.noticed
        and (fired.under.name, fired.under.number) == item.look.under
    )
