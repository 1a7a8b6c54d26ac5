"""Can I move? The read-only twin of the gate: the very function that judges a live move judges here, and nothing is written."""

from datetime import datetime
from typing import Any

from domain.naming import nearest
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.record.adoption import adopted
from domain.record.gates import (
    AskedOfPeople,
    Attempt,
    Requirement,
    asked_of_people,
    move_between,
    needs_right,
    requirements,
)
from domain.record.state import Record
from domain.refusals import NotFound
from domain.values import moment_text
from projections.as_of import Horizon
from projections.footing import Footing, playbook_of
from projections.lens import Lens, Visible


def check_move(footing: Footing, kind: str, name: str, to: str, *, has_reason: bool = False) -> Visible:
    """Show whether a record may move to a stage now, and everything the move asks for. Raises NotFound."""
    record, playbook, at, bounded = _standing(footing, kind, name)
    spec = playbook.kind(kind)
    if to not in spec.steps or record.stage is None:
        raise NotFound("stage", to, nearest(to, spec.steps))
    lens = footing.lens(bounded)
    lens.prepare(record.fields.values())
    told = judged(lens, playbook, record, to, at, has_reason=has_reason)
    return lens.figures(**told, **_about(record, playbook, at), **footing.about(bounded))


def check_moves(footing: Footing, kind: str, name: str, *, has_reason: bool = False) -> Visible:
    """Show every stage a record could move to now, each with what the move asks for. Raises NotFound."""
    record, playbook, at, bounded = _standing(footing, kind, name)
    lens = footing.lens(bounded)
    lens.prepare(record.fields.values())
    steps = playbook.kind(kind).steps if record.stage is not None else {}
    items = [
        lens.figures(**judged(lens, playbook, record, to, at, has_reason=has_reason))
        for to in steps
        if to != record.stage
    ]
    return lens.page(items, next=None, **_about(record, playbook, at), **footing.about(bounded))


def _standing(footing: Footing, kind: str, name: str) -> tuple[Record, PublishedPlaybook, datetime, Horizon]:
    """A record as it stands, the playbook it follows, and the clock reading a command would be decided with."""
    stream = footing.find(kind, name)
    bounded = footing.bounded()
    record = footing.folded(stream, bounded)
    assert record is not None, "a record the read model knows is in the log"
    playbook = playbook_of(record, footing.playbooks(bounded), footing.organisation(bounded))
    return adopted(record, playbook), playbook, footing.clock(), bounded


def _about(record: Record, playbook: PublishedPlaybook, at: datetime) -> dict[str, Any]:
    return {
        "kind": record.kind,
        "id": record.id,
        "version": record.version,
        "stage": record.stage,
        "decided_at": moment_text(at),
        "playbook": playbook.name,
        "playbook_version": playbook.number,
    }


def judged(
    lens: Lens,
    playbook: PublishedPlaybook,
    record: Record,
    to: str,
    at: datetime,
    *,
    has_reason: bool = False,
) -> dict[str, Any]:
    """Judge one move at a moment; personal values are opened to judge, and are not shown."""
    kind = playbook.kind(record.kind)
    assert record.stage is not None
    move = move_between(kind, record.stage, to, record.path)
    attempt = Attempt(record, record.stage, to, move, at, has_reason)
    asked = [
        told(item) | _of_people(playbook, attempt, item)
        for item in requirements(playbook, attempt, lens.open_to_judge)
    ]
    unmet = [item for item in asked if not item["met"]]
    right = needs_right(kind, move)
    return {
        "to": to,
        "to_label": kind.steps[to].label.model_dump(),
        "move": move,
        "allowed": not unmet,
        "needs_right": None if right is None else right.value,
        "unmet": [{name: value for name, value in item.items() if name != "met"} for item in unmet],
        "requirements": asked,
    }


def told(requirement: Requirement) -> dict[str, Any]:
    """Spell a requirement: its stable id, what it asks in both languages, and whether it is met."""
    asks = requirement.asks
    return {
        "id": asks.id,
        "kind": asks.kind,
        "label": asks.label.model_dump(),
        "why": None if asks.why is None else asks.why.model_dump(),
        "field": asks.field,
        "met": requirement.is_met,
    }


def _of_people(playbook: PublishedPlaybook, attempt: Attempt, requirement: Requirement) -> dict[str, Any]:
    """Say which work and which agreement a condition asks for, and which of it is there; nothing where it asks for none."""
    asked = [] if requirement.rule is None else asked_of_people(playbook, attempt, requirement.rule)
    if not asked:
        return {}
    kind = playbook.kind(attempt.record.kind)
    return {
        "asks": [
            {"fact": ask.fact, "name": ask.name, "label": _label(kind, ask), "met": ask.is_there}
            | ({} if ask.field is None else {"field": ask.field})
            for ask in asked
        ]
    }


def _label(kind: Kind, ask: AskedOfPeople) -> dict[str, str]:
    """Name what is asked for; of what a form is to say, the work and the field. What it says stays with those who may read it."""
    if ask.fact == "approved":
        return kind.approvals[ask.name].label.model_dump()
    template = kind.work[ask.name]
    if ask.field is None:
        return template.label.model_dump()
    field = template.fields[ask.field].label
    return {"zh": f"{template.label.zh}：{field.zh}", "en": f"{template.label.en}: {field.en}"}


def next_step(kind: Kind, record: Record) -> str | None:
    """Return the step that comes next on a record's way; at its end, the first one that wins. None where there is none."""
    steps = kind.steps
    if record.stage is None or record.stage not in steps or steps[record.stage].outcome != "open":
        return None
    for to, step in steps.items():
        if step.outcome in ("open", "won") and move_between(kind, record.stage, to, record.path) == "forward":
            return to
    return None
