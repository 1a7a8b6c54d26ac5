"""The part of the walk that is about the work of a record: asked, done, declined, started at once, agreed to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from commands.http import work_actions as actions
from commands.http.example_values import PERSON, example_value
from commands.http.imagination import Example, Imagination
from commands.http.record_action import RecordAction
from domain.naming import record_stream
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.playbook.working import WorkTemplate
from domain.record import state as record_state
from domain.record.state import Record

_WORK, _DECLINED, _CANCELLED = "wrk_example", "wrk_example_declined", "wrk_example_cancelled"
_FORK, _APPROVAL = "frk_example", "apr_example"
_LATER = "2099-12-31T18:00:00+08:00"
"""A moment that lies ahead whenever the example is tried."""


def colleagues(playbooks: Playbooks) -> Sequence[str]:
    """The ids of people beside the example's, each under the one before: as many as it takes to ask for agreement; none where nothing is asked."""
    kinds = [kind for book in playbooks.by_kind.values() for kind in book.document.kinds.values()]
    if not any(kind.work or kind.approvals for kind in kinds):
        return ()
    levels = [level for kind in kinds for chain in kind.approvals.values() for level in chain.levels.values()]
    most = max((len(level.roles) for level in levels), default=1)
    return [f"{PERSON}_colleague_{number}" for number in range(1, most + 3)]


class WorkWalk:
    """Tries every command of work on the example of a kind, in the order of the paths of the description."""

    def __init__(self, imagined: Imagination, name: str, kind: Kind, record_id: str) -> None:
        self._imagined, self._name, self._kind, self._record_id = imagined, name, kind, record_id

    def steps(self) -> Iterator[Example]:
        """Walk."""
        if self._kind.work:
            yield from self._asked()
            yield from self._on_the_way()
            yield from self._ended()
        for name in self._kind.forks:
            forked = self._forked(name)
            if forked is not None:
                yield forked
                break
        yield from self._approvals()

    def _asked(self) -> Iterator[Example]:
        first = next(iter(self._kind.work))
        for template, spec in self._kind.work.items():
            body = {"id": _id(template, first), "template": template, **self._to(spec), "priority": 5}
            name = "example" if template == first else template
            yield from self._issued(actions.REQUEST_WORK, body, name, spec.label.en)
        for made, name in ((_DECLINED, "to_be_declined"), (_CANCELLED, "to_be_cancelled")):
            body = {"id": made, "template": first, **self._to(self._kind.work[first])}
            yield from self._issued(actions.REQUEST_WORK, body, name, "Another one of the first template")

    def _to(self, template: WorkTemplate) -> dict[str, str]:
        """Whom to ask: nobody by name where a role says who it is."""
        return {} if template.role is not None else {"assignee": f"person/{PERSON}"}

    def _on_the_way(self) -> Iterator[Example]:
        own = self._by_assignee(_WORK)
        yield from self._issued(actions.ACCEPT_WORK, {}, "example", "By whoever was asked", **own)
        note = {"note": "周三前给出评估"}
        yield from self._issued(actions.RESPOND_TO_WORK, note, "example", "With a note", **own)
        yield from self._ticks()
        waiting = {"waiting_for": "customer"}
        yield from self._issued(
            actions.PAUSE_WORK, waiting, "example", "The customer has the question", **own
        )
        yield from self._issued(actions.RESUME_WORK, {}, "example", "The customer has answered", **own)
        item = self._record.work.get(_DECLINED)
        for person in sorted(self._holders(item.template)) if item is not None else ():
            if item is not None and f"person/{person}" != item.assignee:
                path = {"work_id": _DECLINED}
                body = {"to": f"person/{person}"}
                done = list(
                    self._issued(actions.REASSIGN_WORK, body, "example", "By whoever asked for it", path=path)
                )
                yield from done
                if done:
                    break
        later = {"due_at": _LATER, "reason": "the customer is away until then"}
        yield from self._issued(
            actions.RESCHEDULE_WORK, later, "example", "By whoever asked for it", path={"work_id": _DECLINED}
        )

    def _ticks(self) -> Iterator[Example]:
        first = next(iter(self._kind.work))
        for template, spec in self._kind.work.items():
            path = {"work_id": _id(template, first)}
            for name, item in spec.checklist.items():
                pieces = [piece.id for piece in self._record.evidence if piece.field == item.evidence]
                body = {"item": name, **({"evidence": pieces[0]} if pieces else {})}
                by = self._by_assignee(path["work_id"])["on_behalf_of"]
                if item.role is not None:
                    by = next((f"person/{person}" for person in self._holding(item.role)), by)
                yield from self._issued(
                    actions.TICK_WORK, body, f"{template}_{name}", item.label.en, path=path, on_behalf_of=by
                )

    def _ended(self) -> Iterator[Example]:
        first = next(iter(self._kind.work))
        for template, spec in self._kind.work.items():
            work = _id(template, first)
            found = {name: example_value(field, self._imagined.there) for name, field in spec.fields.items()}
            body = {"fields": {name: value for name, value in found.items() if value is not None}}
            yield from self._issued(
                actions.COMPLETE_WORK,
                body if body["fields"] else {},
                "example" if template == first else template,
                "With everything its form asks for",
                **self._by_assignee(work),
            )
        reason = {"reason": "这是售后的事"}
        own = self._by_assignee(_DECLINED)
        yield from self._issued(actions.DECLINE_WORK, reason, "example", "With the reason", **own)
        reason = {"reason": "the customer has changed their mind"}
        yield from self._issued(
            actions.CANCEL_WORK, reason, "example", "By whoever asked for it", path={"work_id": _CANCELLED}
        )

    def _forked(self, name: str) -> Example | None:
        fork = self._kind.forks[name]
        legs = {
            leg: f"person/{PERSON}"
            for leg, spec in fork.legs.items()
            if spec.role is None and self._kind.work[spec.template].role is None
        }
        body = {"id": _FORK, "name": name, **({"assignees": legs} if legs else {})}
        return next(self._issued(actions.FORK_WORK, body, "example", fork.label.en), None)

    def _approvals(self) -> Iterator[Example]:
        people = colleagues(self._imagined.playbooks)
        asks = {"on_behalf_of": f"person/{people[1]}"} if len(people) > 1 else {}
        path = {"path": {"approval_id": _APPROVAL}}
        for name, chain in self._kind.approvals.items():
            body = {"id": _APPROVAL, "chain": name}
            asked = list(self._issued(actions.REQUEST_APPROVAL, body, "example", chain.label.en, **asks))
            if not asked:
                continue
            yield from asked
            comment = {"comment": "客户要求本周内答复"}
            yield from self._issued(actions.COMMENT_APPROVAL, comment, "example", "Without deciding", **path)
            yield from self._decided(path)
            summary = "Under the version in force already: nothing changes"
            yield from self._issued(actions.MIGRATE_APPROVAL, {}, "example", summary, **path)
            yield from self._issued(
                actions.RECALL_APPROVAL, {}, "example", "By whoever asked for it", **path, **asks
            )
            return

    def _decided(self, path: dict[str, Any]) -> Iterator[Example]:
        """One decision after which the approval still runs: an approval, or where that would end it a rejection that leads back."""
        approval = self._record.approvals[_APPROVAL]
        level = approval.open_levels[0]
        role, person = min(level.approvers.items())
        about = {"level": level.name, "role": role}
        ends = len(approval.levels) == 1 and level.quorum == 1
        back = {"decision": "rejected", "back_to": level.name, "comment": "请补充毛利测算"}
        body = about | (back if ends else {"decision": "approved"})
        yield from self._issued(
            actions.DECIDE_APPROVAL,
            body,
            "example",
            "It leads back to a level, which is asked again" if ends else "One role of a level",
            **path,
            on_behalf_of=person,
        )

    # ── what stands on the imagined record ───────────────────────────────────────────────────────────────────────────

    @property
    def _record(self) -> Record:
        stream = record_stream(self._name, self._record_id)
        found = self._imagined.log.state(stream, record_state.fold)
        assert found is not None
        return found

    def _by_assignee(self, work: str) -> dict[str, Any]:
        item = self._record.work.get(work)
        whom = item.assignee if item is not None else f"person/{PERSON}"
        return {"path": {"work_id": work}, "on_behalf_of": whom}

    def _holders(self, template: str) -> Sequence[str]:
        role = self._kind.work[template].role
        return [PERSON, *colleagues(self._imagined.playbooks)] if role is None else list(self._holding(role))

    def _holding(self, role: str) -> Sequence[str]:
        first = next(iter(self._imagined.playbooks.roles), None)
        own = [PERSON] if role == first else []
        return [*own, *colleagues(self._imagined.playbooks)]

    def _issued(
        self, action: RecordAction, body: Mapping[str, Any], name: str, summary: str, **about: Any
    ) -> Iterator[Example]:
        done = self._imagined.issue(action, self._name, self._record_id, dict(body), name, summary, **about)
        if done is not None:
            yield done


def _id(template: str, first: str) -> str:
    return _WORK if template == first else f"{_WORK}_{template}"
