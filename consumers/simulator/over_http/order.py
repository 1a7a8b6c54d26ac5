"""Which commands must wait for which: what needs no order goes side by side."""

from collections.abc import Iterator, Sequence

from commands.submission import Command
from domain.record.commands import (
    ChangeStage,
    CorrectTouch,
    EditFields,
    OpenRecord,
    RecordCommand,
    RecordTouch,
    RelateRecord,
)


def waits(commands: Sequence[Command]) -> list[frozenset[int]]:
    """Return for each command the earlier ones it waits for.

    Commands of one record keep their order. What names another record waits until that one is opened.
    Rules, people and erasures are what every decision stands on: such a command waits for all before it, and all after it wait for it.
    """
    found: list[frozenset[int]] = []
    last: dict[str, int] = {}
    opened: dict[str, int] = {}
    barrier: int | None = None
    for index, command in enumerate(commands):
        for_all = frozenset() if barrier is None else frozenset({barrier})
        if not isinstance(command, RecordCommand):
            since = range(index) if barrier is None else range(barrier + 1, index)
            found.append(for_all | frozenset(since))
            barrier, last, opened = index, {}, {}
            continue
        named = {opened[stream] for stream in _named(command) if stream in opened}
        own = {last[command.stream]} if command.stream in last else set()
        found.append(for_all | named | own)
        last[command.stream] = index
        if isinstance(command, OpenRecord):
            opened[command.stream] = index
    return found


def _named(command: RecordCommand) -> Iterator[str]:
    """The records a command names beside its own."""
    match command:
        case OpenRecord() | EditFields() | ChangeStage():
            yield from (value for value in command.fields.values() if isinstance(value, str))
        case RecordTouch(contact=str(contact)):
            yield contact
        case CorrectTouch(changes=changes):
            yield str(changes.get("contact"))
        case RelateRecord(to=to):
            yield to
