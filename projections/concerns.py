"""What a notification is about, told apart from others of its topic: which deadline and when it is due, which work, which level of which approval."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.deadlines.limits import called
from domain.envelope import Recorded
from domain.labels import Label
from domain.naming import reactions_stream, split_stream
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.reacting.events import ReactionAlerted, ReactionFailed, ReactionRan, ReactionRetried
from domain.values import moment_text
from domain.work.approving import Approval
from domain.work.limits import done_due_at, passing_of
from domain.work.state import WorkItem
from projections.footing import Footing, whole_kind
from projections.lens import Lens
from projections.subscribed import WorkOfRecord

Concern: TypeAlias = dict[str, Any]

_WORK, _APPROVAL = "record.work-", "record.approval-"


class Concerns:
    """What the events at some positions are about, in the words of the versions they happened under.

    What somebody wrote (the title of work, why a reaction failed) is said only through a `lens`; without one it is None.
    """

    def __init__(self, footing: Footing, lens: Lens | None = None) -> None:
        self._footing = footing
        self._lens = lens
        self._playbooks = footing.playbooks()
        self._work: dict[str, WorkOfRecord] = {}

    def at(self, positions: Iterable[int]) -> dict[int, Concern | None]:
        """Return what the events at positions are about; None for those whose topic and record say everything."""
        return {position: self._of(self._recorded(position)) for position in sorted({*positions})}

    def _of(self, recorded: Recorded) -> Concern | None:
        event = recorded.event
        match event:
            case DeadlineNoticed() | DeadlineAcknowledged():
                return self._deadline(recorded, event)
            case ReactionRan() | ReactionFailed() | ReactionRetried() | ReactionAlerted():
                return self._reaction(event)
        payload: dict[str, Any] = event.payload()
        if event.TOPIC.startswith(_WORK) and "work" in payload:
            item = self._of_record(recorded).work.get(payload["work"])
            return None if item is None else self._item(recorded.stream, item)
        if event.TOPIC.startswith(_APPROVAL):
            approval = self._of_record(recorded).approvals.get(payload["approval"])
            return (
                None if approval is None else self._approval(recorded.stream, approval, payload.get("level"))
            )
        return None

    def _deadline(self, recorded: Recorded, event: DeadlineNoticed | DeadlineAcknowledged) -> Concern:
        kinds = self._kinds(event.record, recorded.playbook, recorded.playbook_version)
        found = next((both for kind in kinds if (both := called(kind, event.deadline)) is not None), None)
        noticed = event if isinstance(event, DeadlineNoticed) else self._noticed(recorded, event)
        return {
            "what": "deadline",
            "name": event.deadline,
            "label": _told(None if found is None else found[0]),
            "rung": event.rung,
            "due_at": None if noticed is None else moment_text(datetime.fromisoformat(noticed.due_at)),
        }

    def _noticed(self, recorded: Recorded, event: DeadlineAcknowledged) -> DeadlineNoticed | None:
        """What is acknowledged, as it was told last."""
        same = (event.deadline, event.armed_at, event.rung, event.subject)
        told = [
            before.event
            for before in self._footing.log.stream(recorded.stream)
            if before.position < recorded.position and isinstance(before.event, DeadlineNoticed)
        ]
        return next(
            (one for one in reversed(told) if (one.deadline, one.armed_at, one.rung, one.subject) == same),
            None,
        )

    def _reaction(self, event: ReactionRan | ReactionFailed | ReactionRetried | ReactionAlerted) -> Concern:
        cause = self._recorded(event.cause)
        version = self._version(cause.playbook, cause.playbook_version)
        kind = split_stream(event.record)[0]
        reaction = None if version is None else version.reactions.get(kind, {}).get(event.reaction)
        told = {
            "what": "reaction",
            "name": event.reaction,
            "label": _told(None if reaction is None else reaction.label),
        }
        if not isinstance(event, ReactionFailed):
            return told
        error = self._opened(reactions_stream(event.record), "message", event.message)
        return told | {"code": event.code, "error": error}

    def _item(self, stream: str, item: WorkItem) -> Concern:
        version = self._version(item.playbook, item.number)
        kinds = self._kinds(stream, item.playbook, item.number)
        template = next((kind.work[item.template] for kind in kinds if item.template in kind.work), None)
        due: datetime | None = None
        if version is not None and template is not None:
            due = done_due_at(item, template, passing_of(version))
        elif item.due_at is not None:
            due = datetime.fromisoformat(item.due_at)
        return {
            "what": "work",
            "id": item.id,
            "name": item.template,
            "label": _told(None if template is None else template.label),
            "title": self._opened(stream, "title", item.title),
            "due_at": None if due is None else moment_text(due),
        }

    def _approval(self, stream: str, approval: Approval, decided: str | None) -> Concern:
        """The level is the one that waits now: what was decided last is what made it wait. Of what has ended it is the one that was decided last."""
        open_now = [level.name for level in approval.open_levels]
        names = open_now or ([] if decided is None else [decided])
        kinds = self._kinds(stream, approval.playbook, approval.number)
        chain = next(
            (kind.approvals[approval.chain] for kind in kinds if approval.chain in kind.approvals), None
        )
        known = {} if chain is None else chain.levels
        return {
            "what": "approval",
            "id": approval.id,
            "name": approval.chain,
            "label": _told(None if chain is None else chain.label),
            "state": approval.state,
            "levels": [
                {"name": name, "label": _told(known[name].label if name in known else None)} for name in names
            ],
        }

    # ── what it is read from ─────────────────────────────────────────────────────────────────────────────────────────

    def _recorded(self, position: int) -> Recorded:
        return self._footing.log.after(position - 1, 1, upto=position)[0]

    def _of_record(self, recorded: Recorded) -> Any:
        if recorded.stream not in self._work:
            self._work[recorded.stream] = WorkOfRecord(self._footing.log.stream(recorded.stream))
        return self._work[recorded.stream].around(recorded)

    def _version(self, name: str | None, number: int | None) -> PublishedPlaybook | None:
        return self._playbooks.versions.get((name or "", number or 0))

    def _kinds(self, stream: str, name: str | None, number: int | None) -> Iterator[Kind]:
        """The kind of a record as the version has it that an event names; else as it is now."""
        kind = split_stream(stream)[0]
        version = self._version(name, number)
        if version is not None and kind in version.document.kinds:
            yield version.document.kinds[kind]
        if kind in self._playbooks.by_kind:
            yield whole_kind(self._playbooks, kind)

    def _opened(self, stream: str, field: str, stored: Any) -> str | None:
        if self._lens is None or stored is None:
            return None
        self._lens.prepare([{field: stored}])
        opened = self._lens.opened(stream, field, stored)
        return opened if isinstance(opened, str) else None


def _told(label: Label | None) -> Mapping[str, str] | None:
    return None if label is None else label.model_dump()
