"""The histories replay and metrics are compared on hold what they must: long ones, with every kind of decision, both ways."""

from collections import Counter
from statistics import median

from support.long_histories import KINDS_OF_MOVE, classes_of, decisions_of, tell
from support.oracle_comparing import tales_of

HISTORIES = 2_000
OCCURRING = ("override", "re-entry", "absence", "version change", "erasure")


def test_histories_are_long_and_hold_everything():
    """Median of thirty events and more; each class in a tenth of them; each kind of decision with both outcomes in a twentieth.

    A re-entry asks for nothing, so it is refused only off the path: it is counted by its kind alone.
    """
    events, classes, decisions = [], Counter(), Counter()
    for shard in ("one", "two", "three", "four"):
        for tale in tales_of(f"replay {shard}", HISTORIES // 4):
            log = tell(tale).log
            events.append(log.head())
            classes.update(classes_of(log))
            decisions += decisions_of(log)
    total = sum(decisions.values())
    print(f"{len(events)} histories, {median(events)} events in the median, {total} decisions")
    print({name: f"{100 * count / len(events):.1f} % of histories" for name, count in classes.most_common()})
    print({" ".join(kind): f"{100 * count / total:.1f} %" for kind, count in sorted(decisions.items())})
    assert len(events) >= HISTORIES
    assert median(events) >= 30
    assert all(classes[name] >= len(events) / 10 for name in OCCURRING)
    for kind in KINDS_OF_MOVE:
        for outcome in ("accepted", "refused"):
            if (kind, outcome) != ("re-entry", "refused"):
                assert decisions[(kind, outcome)] >= total / 20, (kind, outcome)
