"""What two playbooks measure alike is measured once: the same function of a partition, told the same, gives the same."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from domain.playbook.model import Kind, Playbook
from projections.ledger.running import Runner, Task
from projections.ledger.view import View

T = TypeVar("T")

_UNSEEN = frozenset({"enter", "leave", "options", "forms", "label", "why", "hint", "pattern_why"})
"""Gates, options and words: no component of an index looks at them; where options go that are gone is told by mappings."""


class MeasuredOnce:
    """A runner that remembers results by what the task is and is told, for one view; results of metrics are small."""

    def __init__(self, runner: Runner, view: View) -> None:
        self._runner = runner
        self._view = view
        self._known: list[tuple[Any, list[Any]]] = []

    def map(
        self,
        task: Task[T],
        view: View,
        partitions: Sequence[int],
        *,
        done: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[T]:
        """Yield the result of each partition, in the order asked for."""
        assert view is self._view
        asked = _spelled(task, partitions)
        found = next((known for other, known in self._known if other == asked), None)
        if found is None:
            found = list(self._runner.map(task, view, partitions, done=done, cancelled=cancelled))
            if asked is not None:
                self._known.append((asked, found))
        yield from found


def _spelled(task: object, partitions: Sequence[int]) -> Any:
    """What a task is and is told; nothing where that cannot be compared."""
    if not isinstance(task, partial):
        return None
    return (task.func, task.args, dict(sorted(task.keywords.items())), tuple(partitions))


def measure_alike(one: Playbook, other: Playbook, kind: str) -> bool:
    """Tell whether two playbooks see the same in the records of a kind: their gates, options, words and indices may differ."""
    mine, theirs = one.kinds.get(kind), other.kinds.get(kind)
    if mine is None or theirs is None:
        return False
    return (one.time_zone, one.calendar, _seen(mine)) == (other.time_zone, other.calendar, _seen(theirs))


def _seen(kind: Kind) -> Any:
    return _seen_of(kind.model_dump())


def _seen_of(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _seen_of(part) for name, part in told.items() if name not in _UNSEEN}
    return told
