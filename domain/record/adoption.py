"""A record as a later version of its playbook sees it: what that version took away stands where its mappings say.

Records are never rewritten when a playbook changes. What their events say stays, and each version reads it its own way;
going back to an earlier version therefore brings everything back to where it was.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.playbook.published import KindMappings, PublishedPlaybook
from domain.record.state import Record
from domain.values import Stored


def adopted(record: Record, playbook: PublishedPlaybook) -> Record:
    """Return a record as a version of the playbook reads it; the same record where nothing was taken away."""
    told = playbook.adopts.get(record.kind)
    if told is None:
        return record
    entries: dict[str, int] = {}
    for stage, count in record.entries.items():
        into = told.stages.get(stage, stage)
        entries[into] = entries.get(into, 0) + count
    evidence = tuple(
        replace(piece, field=told.fields.get(piece.field, piece.field) or piece.field)
        for piece in record.evidence
    )
    return replace(
        record,
        stage=told.stages.get(record.stage, record.stage) if record.stage else record.stage,
        fields=adopted_fields(record.fields, told),
        unknown=frozenset(name for old in record.unknown if (name := told.fields.get(old, old)) is not None),
        evidence=evidence,
        entries=entries,
    )


def adopted_fields(fields: Mapping[str, Stored], told: KindMappings) -> dict[str, Stored]:
    """Return values under the names and options they have now; a value given under the new name wins over a mapped one."""
    found = {name: value for name, value in fields.items() if name not in told.fields}
    for old, new in told.fields.items():
        if new is not None and fields.get(old) is not None and found.get(new) is None:
            found[new] = fields[old]
    for name, options in told.options.items():
        if name in found:
            found[name] = _option(found[name], options)
    return found


def _option(value: Stored, options: Mapping[str, str | None]) -> Stored:
    if isinstance(value, str):
        return options.get(value, value)
    if isinstance(value, list):
        mapped: list[Any] = [options.get(item, item) if isinstance(item, str) else item for item in value]
        return list(dict.fromkeys(item for item in mapped if item is not None)) or None
    return value
