"""What a draft says otherwise than the version in force: every place of the document that is new, gone or different, old beside new.

Both documents are compared whole, so rules stand there in the words of their author, and nothing is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

import orjson

from domain.labels import Label
from domain.playbook.part import Part
from domain.playbook.published import PublishedPlaybook
from domain.rules.arithmetic import number_text

About: TypeAlias = Literal["gates", "fields", "indices", "other", "words"]
"""What a place is about: what a move asks, a field, an index, anything else, or only what something is called."""

PARTS: Final[tuple[About, ...]] = ("gates", "fields", "indices", "other", "words")

_WORDS: Final = frozenset({"label", "why", "hint", "pattern_why"})
_SIDES: Final = frozenset({"enter", "leave"})
_TOLD_BY: Final = ("rule", "measure", "type", "weight", "points", "fields")
"""The member that says most about something new or gone, the first there is."""


def changes_of(published: PublishedPlaybook | None, draft: PublishedPlaybook) -> list[dict[str, Any]]:
    """Return each change with its `path`, the labels along it, what it is about (`part`), and the text `before` and `after`; null where there was, or is, nothing.

    `member` says which of several things of the same labels it is (`weight`, `baseline_hours`); null where something with a name is new or gone as a whole.
    """
    old = {} if published is None else _whole(published.document)
    found = [
        {
            "part": _part(path),
            "path": list(path),
            "labels": labels,
            "member": member,
            "before": before,
            "after": after,
        }
        for path, labels, member, before, after in _differing(old, _whole(draft.document), (), ())
    ]
    # What says the most comes first; within a part the order is that of the document.
    return sorted(found, key=lambda change: PARTS.index(change["part"]))


def _differing(
    old: Any, new: Any, path: tuple[str, ...], labels: tuple[Any, ...]
) -> Iterator[tuple[tuple[str, ...], list[Any], str | None, str | None, str | None]]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not _is_label(new):
        label = new.get("label", old.get("label"))
        along = (*labels, label) if path and isinstance(label, Mapping) else labels
        for name in dict.fromkeys([*new, *old]):
            yield from _differing(old.get(name), new.get(name), (*path, str(name)), along)
        return
    whole = new if old is None else old
    if isinstance(whole, Mapping) and (old is None or new is None):
        if not _is_one_thing(whole):
            for name, value in whole.items():
                before, after = (None, value) if old is None else (value, None)
                yield from _differing(before, after, (*path, str(name)), labels)
            return
        label = whole.get("label")
        labels = (*labels, label) if isinstance(label, Mapping) else labels
    is_whole = isinstance(whole, Mapping) and not _is_label(whole)
    yield path, list(labels), None if is_whole else path[-1], _text(old), _text(new)


def _is_one_thing(value: Mapping[str, Any]) -> bool:
    """Tell whether this is something that has a name of its own, and is new or gone as a whole, and not a bag of such things."""
    return "label" in value or not all(isinstance(item, Mapping) for item in value.values()) or not value


def _is_label(value: Mapping[str, Any]) -> bool:
    return value.keys() == {"zh", "en"}


def _whole(value: object) -> Any:
    """Return a part of a playbook as plain data, with what equals its default: a weight nobody wrote down is a weight all the same."""
    if isinstance(value, Part):
        return {spec.alias or name: _whole(getattr(value, name)) for name, spec in type(value).model_fields.items()}  # fmt: skip
    if isinstance(value, Label):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {str(name): _whole(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_whole(item) for item in value]
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or None
    if isinstance(value, Mapping):
        if _is_label(value):
            return f"{value['en']} · {value['zh']}"
        told = next((name for name in _TOLD_BY if value.get(name)), None)
        if told is not None:
            return f"{told}: {_text(value[told])}"
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _part(path: tuple[str, ...]) -> About:
    if path[-1] in _WORDS:
        return "words"
    if path[0] == "indices":
        return "indices"
    if path[0] == "kinds" and _SIDES & set(path[3:]) and "stages" in path[2:3]:
        return "gates"
    if path[0] == "kinds" and "fields" in path[2:3]:
        return "fields"
    return "other"
