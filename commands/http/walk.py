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
from commands.http.organisation import ORGANISATION_ACTIONS
from commands.http.playbooks import NAME, drafted, published, signing_off
from commands.http.reading import read_body
from commands.http.record_walk import RecordWalk
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
        yield from self._of_playbooks()
        yield from self._many_at_once()
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
            (
                "move_person",
                "example",
                "No manager from now on",
                PERSON,
                {"team": "team_example", "manager": None},
            ),
            ("grant_role", "example", "One role more", PERSON, {"role": roles[-1] if roles else ""}),
            ("revoke_role", "example", "One role less", PERSON, {"role": roles[-1] if roles else ""}),
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
        for operation, name, summary, person, body in bodies:
            action = by_name[operation]
            read = read_body(action.body, body)
            try:
                answer = self._imagined.carry_out(action.command(f"person/{person}", read), read, action.made)
            except Refusal:
                continue  # the playbooks ask for more of whoever works here, or know no roles
            path = {} if person is None else {"person_id": person}
            yield Example(operation, None, name, summary, body, action.status, answer, path=path)

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
        name = next(iter(kinds_in_order(kinds)), None)
        if name is None:
            return
        record_id = f"{example_id(kinds[name])}_bulk"
        about = {"collection": kinds[name].collection, "id": record_id}
        lines = []
        opened = self._records.opened(name, kinds[name], record_id, "bulk", "")
        if opened is None:
            return
        lines.append({"key": "example-bulk-1", "command": "open", **about, **opened.body})
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
