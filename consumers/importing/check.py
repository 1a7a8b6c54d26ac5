"""What can be wrong with a mapping although each part of it is well-formed: names the playbook does not have, parts that do not fit."""

import codecs
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from consumers.importing.language import (
    Column,
    Mapping,
    Part,
    PersonMapping,
    RecordMapping,
    Source,
    StagesMapping,
    TeamMapping,
)
from consumers.importing.texts import DateFormat
from domain.naming import nearest
from domain.playbook.check import Place, PlaybookProblem
from domain.playbook.model import FieldKind, FieldSpec, Kind
from domain.playbook.published import PublishedPlaybook
from domain.rules.types import ValueType

BOOLEANS = ("true", "false")


def problems_of(mapping: Mapping, playbook: PublishedPlaybook) -> list[PlaybookProblem]:
    """Check a whole mapping against the playbook it is for; return everything that is wrong, all at once."""
    return [
        *_whole(mapping),
        *(
            problem
            for name, source in mapping.sources.items()
            for problem in _source(source, ("sources", name))
        ),
        *_organisation(mapping, playbook),
        *(problem for name in mapping.records for problem in _record(mapping, playbook, name)),
        *_columns(mapping, ()),
    ]


def _whole(mapping: Mapping) -> Iterator[PlaybookProblem]:
    try:
        ZoneInfo(mapping.time_zone)
    except (KeyError, ValueError, OSError):
        yield PlaybookProblem(
            ("time_zone",), f"there is no time zone {mapping.time_zone!r}; write one as Europe/Berlin"
        )
    if not (mapping.records or mapping.organisation.teams or mapping.organisation.people):
        yield PlaybookProblem(
            (), "the mapping imports nothing: it has neither 'records' nor an 'organisation'"
        )


def _source(source: Source, place: Place) -> Iterator[PlaybookProblem]:
    if (source.csv is None) == (source.xes is None):
        yield PlaybookProblem(place, "a source is either 'csv' or 'xes'")
    if source.csv is None:
        return
    here = (*place, "csv")
    if source.csv.delimiter in '"\r\n':
        yield PlaybookProblem((*here, "delimiter"), "the delimiter cannot be a quote or the end of a line")
    try:
        "".encode(source.csv.encoding)
        codecs.lookup(source.csv.encoding)
    except LookupError:
        yield PlaybookProblem(
            (*here, "encoding"),
            f"there is no encoding {source.csv.encoding!r}; write one as utf-8, cp1252 or gb18030",
        )
    yield from _date_format(source.csv.dates, (*here, "dates"))


def _organisation(mapping: Mapping, playbook: PublishedPlaybook) -> Iterator[PlaybookProblem]:
    organisation, here = mapping.organisation, ("organisation",)
    named = {
        (item.source, column.column)
        for item in organisation.people
        for column in (item.key, item.name)
        if column is not None
    }
    for index, team in enumerate(organisation.teams):
        place = (*here, "teams", str(index))
        yield from _in_source(mapping, team, place)
        if (team.source, team.name.column) in named:
            message = f"{team.name.column!r} holds names of people; a team is called otherwise, because names of teams are not sealed"
            yield PlaybookProblem((*place, "name"), message)
    for index, person in enumerate(organisation.people):
        place = (*here, "people", str(index))
        yield from _in_source(mapping, person, place)
        for at, role in enumerate(person.roles):
            yield from _known(role, playbook.document.roles, "role", (*place, "roles", str(at)))
        if person.team is not None and not organisation.teams:
            yield PlaybookProblem((*place, "team"), "the organisation has no 'teams'")


def _in_source(
    mapping: Mapping, part: TeamMapping | PersonMapping | RecordMapping, place: Place
) -> Iterator[PlaybookProblem]:
    yield from _known(part.source, mapping.sources, "source", (*place, "source"))


def _record(mapping: Mapping, playbook: PublishedPlaybook, name: str) -> Iterator[PlaybookProblem]:
    place, record = ("records", name), mapping.records[name]
    yield from _in_source(mapping, record, place)
    if name not in playbook.document.kinds:
        yield from _known(name, playbook.document.kinds, "kind", place)
        return
    kind = playbook.document.kinds[name]
    source = mapping.sources.get(record.source)
    if source is not None:
        yield from _shape(record, source, place)
    for part, column in (("owner", record.owner), ("actor", record.actor)):
        if column is not None and not mapping.organisation.people:
            yield PlaybookProblem((*place, part), "the organisation has no 'people' to look this up in")
    for field, column in record.fields.items():
        at = (*place, "fields", field)
        yield from _known(field, kind.fields, "field", at)
        if field in kind.fields:
            yield from _field(mapping, kind.fields[field], column, at)
    for relation in record.relations:
        at = (*place, "relations", relation)
        yield from _known(relation, kind.relations, "relation", at)
        if relation in kind.relations:
            yield from _target(mapping, kind.relations[relation].to, at)
    yield from _stages(kind, record, place)


def _shape(record: RecordMapping, source: Source, place: Place) -> Iterator[PlaybookProblem]:
    """What belongs to rows of a snapshot, and what to an event log."""
    if source.csv is not None and record.key is None:
        yield PlaybookProblem(place, "the member 'key' is missing: the column that names each record")
    if source.xes is None:
        if record.stages is not None and record.stages.activities:
            yield PlaybookProblem(
                (*place, "stages", "activities"),
                "'activities' belong to an event log; a CSV file has 'column' and 'path'",
            )
        return
    unfit = {
        "key": record.key is not None,
        "known_at": bool(record.known_at),
        "opened_at": record.opened_at is not None,
        "relations": bool(record.relations),
        "stages": record.stages is not None and not record.stages.activities,
    }
    why = "does not belong to an event log: its traces have a key, its events have moments and 'activities'"
    yield from (
        PlaybookProblem((*place, part), f"{part!r} {why}") for part, is_there in unfit.items() if is_there
    )


def _stages(kind: Kind, record: RecordMapping, place: Place) -> Iterator[PlaybookProblem]:
    here = (*place, "stages")
    if record.stages is None:
        if kind.stages:
            yield PlaybookProblem(
                place, "the member 'stages' is missing: how the stages of these records are known"
            )
        return
    if not kind.stages:
        yield PlaybookProblem(here, "records of this kind have no stages")
        return
    if record.opened_at is not None:
        yield PlaybookProblem(
            (*place, "opened_at"),
            "'opened_at' is for kinds without stages; the first stage of the path has its 'at'",
        )
    yield from _paths(kind, record.stages, here)


def _paths(kind: Kind, stages: StagesMapping, here: Place) -> Iterator[PlaybookProblem]:
    if bool(stages.activities) == bool(stages.path) or (stages.column is None) != (not stages.path):
        yield PlaybookProblem(here, "stages are known either by 'column' and 'path', or by 'activities'")
    for text, entries in stages.path.items():
        if not entries:
            yield PlaybookProblem(
                (*here, "path", text), "a path has at least the stage the record was opened in"
            )
        for index, entry in enumerate(entries):
            yield from _known(entry.stage, kind.steps, "stage", (*here, "path", text, str(index), "stage"))
    for text, stage in stages.activities.items():
        yield from _known(stage, kind.steps, "stage", (*here, "activities", text))


def _field(mapping: Mapping, spec: FieldSpec, column: Column, place: Place) -> Iterator[PlaybookProblem]:
    value_type = spec.value_type
    several = value_type is not None and value_type.type is ValueType.choices
    if spec.type is FieldKind.evidence:
        yield PlaybookProblem(place, "evidence is attached, not imported")
    if spec.type is FieldKind.person and not mapping.organisation.people:
        yield PlaybookProblem(place, "the organisation has no 'people' to look this up in")
    if spec.type is FieldKind.reference:
        yield from _target(mapping, spec.to or "", place)
    if spec.type not in (FieldKind.choice, FieldKind.boolean) and column.options:
        yield PlaybookProblem(
            (*place, "options"), f"'options' belong to a choice or a boolean, not to a {spec.type} field"
        )
    if (column.separator is not None) != several:
        message = (
            "a choice of several options needs its 'separator'"
            if several
            else "only a choice of several options has a 'separator'"
        )
        yield PlaybookProblem(place, message)
    valid = tuple(spec.options) if spec.type is FieldKind.choice else BOOLEANS
    if spec.type in (FieldKind.choice, FieldKind.boolean):
        for text, option in column.options.items():
            yield from _known(
                str(option).lower() if isinstance(option, bool) else option,
                valid,
                "option",
                (*place, "options", text),
            )


def _target(mapping: Mapping, kind: str, place: Place) -> Iterator[PlaybookProblem]:
    if kind not in mapping.records:
        yield PlaybookProblem(
            place, f"this leads to records of the kind {kind!r}, which the mapping does not import"
        )


def _columns(value: object, place: Place) -> Iterator[PlaybookProblem]:
    """Check what every column has, wherever it stands."""
    if isinstance(value, Column):
        yield from _date_format(value.date, (*place, "date"))
        number = value.number
        if number.decimal == number.grouping or {number.decimal, number.grouping or " "} & set(
            "0123456789+-"
        ):
            yield PlaybookProblem(
                (*place, "number"),
                "the marks of a number are two different characters, and neither digits nor signs",
            )
    elif isinstance(value, Part):
        for name in type(value).model_fields:
            yield from _columns(getattr(value, name), (*place, name))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _columns(item, (*place, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _columns(item, (*place, str(index)))


def _date_format(text: str | None, place: Place) -> Iterator[PlaybookProblem]:
    if text is not None and (wrong := DateFormat.problem(text)):
        yield PlaybookProblem(place, wrong)


def _known(name: str, valid: Iterable[str], what: str, place: Place) -> Iterator[PlaybookProblem]:
    names = tuple(valid)
    if name not in names:
        yield PlaybookProblem(place, f"there is no {what} {name!r}", nearest(name, names))
