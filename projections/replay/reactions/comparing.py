"""What a cause set off beside what it would set off under a draft: one row for each reaction."""

from typing import Any, Final, TypeAlias

from domain.envelope import Recorded as Cause
from domain.playbook.published import PublishedPlaybook
from domain.reacting.setting_off import record_of
from projections.replay.drafted_rules import UNRECORDED
from projections.replay.footing import Footing, Standing
from projections.replay.reactions.asked import person_of, steps_of
from projections.replay.reactions.recorded import Recorded
from projections.replay.reactions.setting_off import Drafted, Said, drafted

Row: TypeAlias = dict[str, Any]

NO_KIND: Final = "no such kind"
NO_REACTION: Final = "no such reaction"
NEW_REACTION: Final = "new reaction"
NOT_WAITED_FOR: Final = "waits for something else"
WAITED_FOR: Final = "waited for something else"
NOT_HOLDING: Final = "condition does not hold"
HOLDING: Final = "condition holds"
OTHER_STEPS: Final = "other steps"


def rows_of(
    cause: Cause, standing: Standing, then: Said, recorded: Recorded, draft: PublishedPlaybook
) -> list[Row]:
    """Compare what ran, or is about to by the rules of then, with what would run, in the order of the names."""
    kind, position = standing.then.record.kind, cause.position
    noted = recorded.at(position)
    to_come = {
        name
        for name in then.runs - noted.keys()
        if recorded.is_to_come(name, position, kind, standing.then.playbook)
    }
    row = _Row(cause, standing, noted)
    if kind not in draft.document.kinds:
        return [row.of(name, "not_judgeable", NO_KIND, was=True) for name in sorted(noted.keys() | to_come)]
    return _compared(
        row,
        then,
        frozenset(noted.keys() | to_come),
        drafted(cause, standing, then, frozenset(noted), draft),
        standing.under(draft),
    )


def _compared(row: "_Row", then: Said, was: frozenset[str], would: Drafted, on: Footing) -> list[Row]:
    found = []
    kind = on.record.kind
    before = row.standing.then.playbook.reactions[kind]
    for name in sorted(was | would.runs.keys()):
        runs = would.runs.get(name, False)
        if runs is None:
            found.append(row.of(name, "not_judgeable", UNRECORDED, was=name in was))
        elif name in was and runs:
            told = row.of(name, "unchanged", None, was=True, would=on)
            is_same = told["was"] == told["would"]
            found.append(told if is_same else {**told, "verdict": "changed", "why": OTHER_STEPS})
        elif name in was:
            why = NOT_HOLDING if name in would.waiting else NOT_WAITED_FOR
            why = why if name in on.playbook.reactions[kind] else NO_REACTION
            found.append(row.of(name, "gone", why, was=True))
        elif runs:
            why = HOLDING if name in then.waited else WAITED_FOR
            why = why if name in before else NEW_REACTION
            found.append(row.of(name, "new", why, would=on))
    return found


class _Row:
    """The rows of one cause."""

    def __init__(self, cause: Cause, standing: Standing, noted: Any) -> None:
        self.cause = cause
        self.standing = standing
        self._noted = noted

    def of(
        self, name: str, verdict: str, why: str | None, *, was: bool = False, would: Footing | None = None
    ) -> Row:
        cause = self.cause
        steps_was, person_was = self._asked(name, self.standing.then if was else None)
        steps_would, person_would = self._asked(name, would)
        return {
            "position": self._noted.get(name),
            "record": record_of(cause),
            "kind": self.standing.then.record.kind,
            "at": cause.occurred_at or cause.decided_at,
            "name": name,
            "verdict": verdict,
            "was": steps_was,
            "would": steps_would,
            "person_was": person_was,
            "person_would": person_would,
            "why": why,
            "cause": cause.position,
            "topic": cause.event.TOPIC,
            "playbook": cause.playbook,
            "playbook_version": cause.playbook_version,
        }

    def _asked(self, name: str, on: Footing | None) -> tuple[str | None, str | None]:
        if on is None:
            return None, None
        kind = on.record.kind
        reaction = on.playbook.reactions[kind].get(name)
        if reaction is None:
            return None, None
        return steps_of(reaction, on.playbook.kind(kind)), person_of(reaction, self.cause, on)
