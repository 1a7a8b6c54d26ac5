"""What long histories must hold, so that agreeing on them means something: counted, printed and asserted."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from support.long_histories import KINDS_OF_MOVE, classes_of, decisions_of

OCCURRING = ("override", "re-entry", "absence", "version change", "erasure")


def assert_long_and_holding_everything(logs: Sequence[Any]) -> None:
    """Median of thirty events and more; each class in a tenth of them; each kind of decision with both outcomes in a twentieth."""
    events = [log.head() for log in logs]
    classes: Counter[str] = Counter()
    decisions: Counter[tuple[str, str]] = Counter()
    for log in logs:
        classes.update(classes_of(log))
        decisions += decisions_of(log)
    total = sum(decisions.values())
    print(f"{len(logs)} histories, {median(events)} events in the median, {total} decisions")
    print({name: f"{100 * count / len(logs):.1f} % of histories" for name, count in classes.most_common()})
    print({" ".join(kind): f"{100 * count / total:.1f} %" for kind, count in sorted(decisions.items())})
    assert median(events) >= 30
    assert all(classes[name] >= len(logs) / 10 for name in OCCURRING)
    for kind in KINDS_OF_MOVE:
        for outcome in ("accepted", "refused"):
            assert decisions[(kind, outcome)] >= total / 20, (kind, outcome)
