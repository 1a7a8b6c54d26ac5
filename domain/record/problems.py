"""What can be wrong with the parts of a command about a record: each check names everything wrong, at its place."""

from collections.abc import Mapping

from domain.facts import Facts
from domain.labels import Saying
from domain.naming import a, is_id, person_stream, split_stream
from domain.playbook.formats import UnfitValue
from domain.refusals import InvalidCommand, Problem, said_to_both, unknown_name
from domain.values import MAX_TEXT, ValueRefused, clean_text

_MAX_NAME = 200


def unknown(
    name: str, valid: Mapping[str, object] | tuple[str, ...], what: str, pointer: str
) -> list[Problem]:
    """Check that a name is one of the playbook's, and suggest the nearest where it is not."""
    return [] if name in valid else [unknown_name(pointer, f"there is no {what} {name!r}", name, valid)]


def value_problem(pointer: str, refused: ValueRefused) -> Problem:
    """Say what is wrong with a value; where the playbook has words for it, in those, to each reader in their own language."""
    why = refused.why if isinstance(refused, UnfitValue) else None
    if why is None:
        return Problem(pointer, str(refused), refused.suggestion)
    return said_to_both(pointer, Saying(why.zh, why.en), refused.suggestion)


def text_problems(pointer: str, text: str | None, limit: int = MAX_TEXT) -> list[Problem]:
    """Check that a text may enter the log."""
    if text is None:
        return []
    try:
        clean_text(text, limit)
    except ValueRefused as refused:
        return [Problem(pointer, str(refused))]
    return []


def name_problems(pointer: str, name: str) -> list[Problem]:
    """Check that a name is there, and short enough to be one."""
    return text_problems(pointer, name, _MAX_NAME) if name else [Problem(pointer, "this cannot be empty")]


def id_problems(pointer: str, text: str) -> list[Problem]:
    """Check that a text can be an id."""
    return (
        [] if is_id(text) else [Problem(pointer, "an id is expected: printable, without spaces and slashes")]
    )


def person_problems(person: str | None, facts: Facts, pointer: str) -> list[Problem]:
    """Check that a person works here now; nobody is fine."""
    if person is None or facts.is_active_person(person):
        return []
    return [nobody_here(person, facts, pointer)]


def nobody_here(person: str, facts: Facts, pointer: str) -> Problem:
    """Say that nobody of this name works here, or that it is not how people are named."""
    if person.startswith("person/"):
        return Problem(pointer, "this is not an active person")
    named = person_stream(person)
    suggestion = named if facts.is_active_person(named) else None
    return Problem(pointer, "a person is expected, as person/…", suggestion)


def reference_problems(stream: str, kind: str, facts: Facts, pointer: str) -> list[Problem]:
    """Check that a reference leads to an existing record of a kind."""
    if split_stream(stream)[0] != kind:
        return [Problem(pointer, f"{a(kind)} is expected, as {kind}/…")]
    return [] if facts.exists(stream) else [Problem(pointer, f"there is no {kind} of this id")]


def refuse_if(problems: list[Problem]) -> None:
    """Refuse when something is wrong, naming all of it. Raises InvalidCommand."""
    if problems:
        raise InvalidCommand(problems)
