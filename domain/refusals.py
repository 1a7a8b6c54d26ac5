"""Why a command was not done. Every refusal names all that is wrong at once, as data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.labels import Label, Saying
from domain.naming import nearest

_MOST_LISTED = 8


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what was asked: where (a JSON pointer into the command), what, and the nearest valid name.

    Whatever the message names stands in it by its `repr`: that is how an edge which must not repeat a caller's words finds them.
    `names` are those among them that anybody may read, because they stand in what is published and not only in the command.
    `said` is the message in both languages, where words of a playbook stand in it that have a label in each; else None.
    `records` are the first ids of the records it concerns, `record_count` how many there are in all.
    """

    pointer: str
    message: str
    suggestion: str | None = None
    records: tuple[str, ...] = ()
    record_count: int | None = None
    names: tuple[str, ...] = ()
    said: Saying | None = None

    def __str__(self) -> str:
        return f"{self.pointer}: {self.sentence}"

    @property
    def sentence(self) -> str:
        """The message with the nearest valid name, without where it is: for whoever typed no pointer."""
        if not self.suggestion:
            return self.message
        return f"{self.message.rstrip('.')}; did you mean {self.suggestion!r}?"


def said_to_both(pointer: str, saying: Saying, suggestion: str | None = None) -> Problem:
    """Say what is wrong in words of the playbook, to each reader in their own language; to whoever names none in English."""
    return Problem(pointer, saying.en, suggestion, said=saying)


def unknown_name(pointer: str, message: str, name: str, valid: Iterable[str]) -> Problem:
    """Say that a name is none of those that are published: with the nearest one, or where none is near with those there are."""
    names = tuple(valid)
    near = nearest(name, names)
    if near is not None:
        return Problem(pointer, message, near)
    return Problem(pointer, f"{message}; {those_there_are(names)}", names=names[:_MOST_LISTED])


def those_there_are(names: Sequence[str], most: int = _MOST_LISTED) -> str:
    """Say which names there are, the first few of many."""
    if not names:
        return "there is none to name"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    listed = ", ".join(map(repr, map(str, names[:most])))
    return f"{listed}{more} can be named" if len(names) > 1 else f"only {listed} can be named"


@dataclass(frozen=True, slots=True)
class Unmet:
    """One requirement a move does not meet.

    `id` is stable (`field:amount`, `evidence:red_stamp_scan`, `condition:margin_known`, `move:skip`): overrides waive by it.
    """

    id: str
    kind: str
    label: Label
    why: Label | None = None
    field: str | None = None


class Refusal(Exception):
    """The root of everything the domain refuses. Nothing was changed."""

    code = "refused"


class NothingToDo(Refusal):
    """A part of the system asked whether something is to be done, and it is not. Nothing is kept, not even that it asked."""


class InvalidCommand(Refusal):
    """The command does not fit the playbook: unknown names, values of the wrong type, missing parts."""

    code = "invalid-command"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


class UnknownActor(InvalidCommand):
    """Whoever issues the command, or whom it is issued for, neither works here nor is a part of the system: nothing in the command itself is wrong."""

    code = "unknown-actor"

    def __init__(self, *, on_behalf_of: bool = False) -> None:
        message = "this is neither an active person (person/…) nor a part of the system (system/…)"
        super().__init__([Problem("/on_behalf_of" if on_behalf_of else "/actor", message)])
        self.on_behalf_of = on_behalf_of


class GateNotMet(Refusal):
    """The record may not enter the stage yet; `unmet` lists everything that is missing."""

    code = "gate-not-met"

    def __init__(self, to_stage: str, unmet: Sequence[Unmet]) -> None:
        super().__init__(f"the gate of {to_stage!r} is not met: {', '.join(item.id for item in unmet)}")
        self.to_stage = to_stage
        self.unmet = tuple(unmet)


class NotAllowed(Refusal):
    """The actor lacks a right the command needs."""

    code = "not-allowed"

    def __init__(self, right: str) -> None:
        super().__init__(f"this needs the right {right!r}")
        self.right = right


class NotFound(Refusal):
    """There is no such record, person or playbook."""

    code = "not-found"

    def __init__(self, what: str, name: str, suggestion: str | None = None) -> None:
        hint = f"; did you mean {suggestion!r}?" if suggestion else ""
        super().__init__(f"there is no {what} {name!r}{hint}")
        self.what = what
        self.name = name
        self.suggestion = suggestion


class AlreadyExists(Refusal):
    """What should be made is there already."""

    code = "already-exists"

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} {name!r} exists already")
        self.what = what
        self.name = name
