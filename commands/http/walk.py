"""A walk through all commands: one example of each, in an order in which they work one after another on a fresh log.

Every example is carried out on an imagined log while the walk is made, by the bus that carries out real commands; so an example is
right by construction, and its answer is known.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from commands.http.bodies import Body, SigningOff
from commands.http.example_values import EXAMPLE_PLAYBOOK, EXAMPLE_REPLAY, PERSON, example_id, kinds_in_order
from commands.http.imagination import Example, Imagination
from commands.http.inbox import INBOX_ACTIONS
from commands.http.organisation import ORGANISATION_ACTIONS
from commands.http.playbooks import NAME, drafted, published, signing_off
from commands.http.pools import POOL_ACTIONS, OfPool
from commands.http.reading import read_body
from commands.http.record_walk import RecordWalk
from commands.http.work_walk import colleagues
from commands.playbook_file import parse_playbook
from commands.replays import SignedReplay
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import DraftPlaybook, PublishDraft
from domain.refusals import Refusal


def walk(playbooks: Playbooks) -> Sequence[Example]:
    """Return the examples, in order. Commands that no kind knows, such as touches, have none."""
    return list(_Walk(playbooks).steps())


class _Walk:
    def __init__(self, playbooks: Playbooks) -> None:
        self._playbooks = playbooks
        self._imagined = Imagination(playbooks)
        self._records = RecordWalk(self._imagined)

    def steps(self) -> Iterator[Example]:
        """Walk."""
        yield from self._organisation()
        yield from self._inbox()
        yield from self._of_playbooks()
        yield from self._many_at_once()
        yield from self._pools()
        kinds = {name: book.kind(name) for name, book in self._playbooks.by_kind.items()}
        for name in kinds_in_order(kinds):
            yield from self._records.of(name, kinds[name])

    def _organisation(self) -> Iterator[Example]:
        roles = list(self._playbooks.roles)
        everything = {
            "team": "team_example",
            "email": "name@example.com",
            "region": "east",
            "roles": roles[:1],
        }
        manager = f"{PERSON}_manager"
        bodies: Sequence[tuple[str, str, str, str | None, dict[str, Any]]] = (
            (
                "form_team",
                "example",
                "A team in a region",
                None,
                {"id": "team_example", "name": "华东一部", "region": "east"},
            ),
            ("add_person", "manager", "Somebody joins", None, {"id": manager, "name": "李明", **everything}),
            (
                "add_person",
                "example",
                "Somebody joins under a manager",
                None,
                {"id": PERSON, "name": "王芳", **everything, "manager": f"person/{manager}"},
            ),
            *self._colleagues(everything | {"roles": roles}),
            (
                "move_person",
                "region",
                "To another region, under the same manager",
                PERSON,
                {"team": "team_example", "manager": f"person/{manager}", "region": "west"},
            ),
            (
                "move_person",
                "example",
                "No manager from now on",
                PERSON,
                {"team": "team_example", "manager": None},
            ),
            ("grant_role", "example", "One role more", PERSON, {"role": roles[-1] if roles else ""}),
            ("revoke_role", "example", "One role less", PERSON, {"role": roles[-1] if roles else ""}),
            ("set_skills", "example", "An industry and a language", PERSON, {"skills": ["医疗", "English"]}),
            (
                "note_absence",
                "example",
                "Two weeks of holiday, and who stands in",
                PERSON,
                {
                    "id": "abs_example",
                    "begins": "2099-02-09T09:00:00+08:00",
                    "ends": "2099-02-23T09:00:00+08:00",
                    "stand_in": f"person/{manager}",
                },
            ),
            ("end_absence", "example", "It does not come about", PERSON, {}),
            (
                "give_delegation",
                "example",
                "Approvals, until it is taken back",
                PERSON,
                {"id": "del_example", "to": f"person/{manager}", "covers": ["approvals"]},
            ),
            ("end_delegation", "example", "It is taken back", PERSON, {}),
            ("remove_person", "example", "Somebody leaves", manager, {}),
            (
                "erase",
                "example",
                "Somebody who left asked for it",
                None,
                {"subject": f"person/{manager}", "ground": "request"},
            ),
        )
        by_name = {action.name: action for action in ORGANISATION_ACTIONS}
        parts = {"end_absence": "abs_example", "end_delegation": "del_example"}
        for operation, name, summary, person, body in bodies:
            action = by_name[operation]
            read = read_body(action.body, body)
            try:
                command = action.command(f"person/{person}", read, parts.get(operation, ""))
                answer = self._imagined.carry_out(command, read, action.made)
            except Refusal:
                continue  # the playbooks ask for more of whoever works here, or know no roles
            path = {} if person is None else {"person_id": person}
            path |= {f"{action.part}_id": parts[operation]} if action.part is not None else {}
            yield Example(operation, None, name, summary, body, action.status, answer, path=path)

    def _colleagues(self, about: dict[str, Any]) -> Iterator[tuple[str, str, str, None, dict[str, Any]]]:
        """Those who are asked for work and agreement, each under the one before, the first under the example's person."""
        above = PERSON
        for person in colleagues(self._playbooks):
            name = person.removeprefix(f"{PERSON}_")
            told = {"id": person, "name": "陈静", **about, "manager": f"person/{above}"}
            yield "add_person", name, "A colleague with every role", None, told
            above = person

    def _inbox(self) -> Iterator[Example]:
        bodies: Sequence[tuple[str, str, dict[str, Any]]] = (
            (
                "subscribe",
                "What is addressed to them, and every move of a stage",
                {"id": "sub_example", "topics": ["addressed", "record.stage-changed"], "label": "我的商机"},
            ),
            ("unsubscribe", "It is taken back", {}),
            ("mark_read", "One notification", {"notifications": ["7c0a9d1e-53f2-5b8c-9c1d-2f6b1f7c9a10"]}),
        )
        by_name = {action.name: action for action in INBOX_ACTIONS}
        for operation, summary, body in bodies:
            action = by_name[operation]
            read = read_body(action.body, body)
            part = {} if action.part is None else {f"{action.part}_id": "sub_example"}
            try:
                command = action.command(f"person/{PERSON}", read, "sub_example")
                answer = self._imagined.carry_out(command, read, action.made)
            except Refusal:
                continue  # the playbooks ask for more of whoever works here, so that nobody joined
            path = {"person_id": PERSON, **part}
            yield Example(operation, None, "example", summary, body, action.status, answer, path=path)

    def _of_playbooks(self) -> Iterator[Example]:
        draft = parse_playbook(EXAMPLE_PLAYBOOK, NAME)
        yaml, path = "application/yaml", {"name": draft.name}
        checked = {"ok": True, "problems": []}
        yield Example(
            "check_playbook",
            None,
            "example",
            "A small playbook",
            EXAMPLE_PLAYBOOK,
            200,
            checked,
            media_type=yaml,
        )
        try:
            kept = self._imagined.carry_out(DraftPlaybook(draft), Body(), drafted)
            publication = PublishDraft(name=draft.name, draft=kept["draft"])
            log = self._imagined.log.copied()
            self._imagined.carry_out(publication, Body(), published, log=log)
        except Refusal:
            return  # another playbook has the names of the example
        yield Example(
            "draft_playbook",
            None,
            "example",
            "A small playbook",
            EXAMPLE_PLAYBOOK,
            201,
            kept,
            path=path,
            media_type=yaml,
        )
        told = {
            "replay": EXAMPLE_REPLAY,
            "digest": draft.digest,
            "reason": "three refusals more, all of them right",
        }
        command = signing_off(ExampleReplay(), draft.name, kept["draft"], read_body(SigningOff, told))
        signed = self._imagined.carry_out(command, Body(), None)
        summary = (
            "Where a replay of this id has finished; it went over the whole log and found nothing to judge"
        )
        path_of_draft = {**path, "number": str(kept["draft"])}
        yield Example("sign_off_replay", None, "example", summary, told, 201, signed, path=path_of_draft)
        answer = self._imagined.carry_out(publication, Body(), published)
        body = {"draft": kept["draft"], "reason": "a first try"}
        yield Example(
            "publish_playbook", None, "example", "For all records, at once", body, 201, answer, path=path
        )

    def _many_at_once(self) -> Iterator[Example]:
        kinds = {name: book.kind(name) for name, book in self._playbooks.by_kind.items()}
        pooled = [
            pool.kind for book in self._playbooks.by_kind.values() for pool in book.document.pools.values()
        ]
        for name in dict.fromkeys([*pooled, *kinds_in_order(kinds)]):
            record_id = f"{example_id(kinds[name])}_bulk"
            opened = self._records.opened(name, kinds[name], record_id, "bulk", "")
            if opened is not None:
                break
        else:
            return
        about = {"collection": kinds[name].collection, "id": record_id}
        lines = [{"key": "example-bulk-1", "command": "open", **about, **opened.body}]
        edit = self._records.edited(name, kinds[name], record_id, opened.body["fields"])
        if edit is not None:
            lines.append({"key": "example-bulk-2", "command": "edit", **about, "if_match": 1, **edit.body})
        answers = [
            {"line": index + 1, "status": done.status, **done.answer}
            for index, done in enumerate(done for done in (opened, edit) if done is not None)
        ]
        yield Example(
            "bulk",
            None,
            "example",
            "A record is opened and edited",
            "".join(f"{_json(line)}\n" for line in lines),
            200,
            {"lines": "".join(f"{_json(line)}\n" for line in answers)},
            media_type="application/x-ndjson",
        )

    def _pools(self) -> Iterator[Example]:
        """Somebody takes the record that was opened among many from a pool, and gives it back."""
        pools = {
            name: pool
            for book in self._playbooks.by_kind.values()
            for name, pool in book.document.pools.items()
        }
        for name, pool in pools.items():
            record = f"{pool.kind}/{example_id(self._playbooks.by_kind[pool.kind].kind(pool.kind))}_bulk"
            for action, summary in zip(POOL_ACTIONS, ("Somebody takes it", "And gives it back"), strict=True):
                read = read_body(OfPool, {"record": record})
                whom = f"person/{PERSON}"
                try:
                    answer = self._imagined.carry_out(
                        action.command(name, read), read, None, on_behalf_of=whom
                    )
                except Refusal:
                    break  # nobody claims from it, or no record could be thought of
                yield Example(
                    action.name, None, "example", summary, {"record": record}, 200, answer,
                    path={"pool": name}, on_behalf_of=whom,
                )  # fmt: skip
            else:
                return


class ExampleReplay:
    """Finds the replay that the example of a sign-off speaks of. Implements `commands.replays.Replays`."""

    def find(self, replay: str) -> SignedReplay | None:
        """Return it, and no other."""
        draft = parse_playbook(EXAMPLE_PLAYBOOK, NAME)
        found = SignedReplay(
            EXAMPLE_REPLAY, draft.name, draft.digest, {"after": 0, "upto": 1}, 1, {"judged": 0}
        )
        return found if replay == EXAMPLE_REPLAY else None


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
