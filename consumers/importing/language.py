"""The language of a mapping file: which columns of an export are which facts of a playbook, and when they were known.

```yaml
mapping: crm
playbook: crm
label: {zh: 导入, en: Import}
time_zone: Europe/Berlin
sources:
  deals: {csv: {file: deals.csv, dates: M/D/YYYY}}
records:
  opportunity:
    source: deals
    key: opportunity_id
    owner: sales_agent
    known_at: [close_date, engage_date]
    fields:
      product: {column: product, repairs: {GTXPro: GTX Pro}, options: {GTX Pro: GTX_Pro}}
    stages:
      column: deal_stage
      path:
        Won: [{stage: engaging, at: engage_date}, {stage: won, at: close_date}]
```
Wherever a column is expected, its bare name is short for `{column: name}`. Values are taken exactly as written:
nothing is trimmed or guessed, and every change is a repair that the report counts.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.labels import Label
from domain.playbook.model import Name

Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^/\\\x00]+$")]
"""A file in the folder of the export, without any path."""


class Part(BaseModel):
    """Anything in a mapping: unknown members are refused, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NumberFormat(Part):
    """How a source writes numbers: the decimal mark, and the mark between groups of three digits where there is one."""

    decimal: Character = "."
    grouping: Character | None = None


class Column(Part):
    """A column of a source (in an event log: an attribute of the event, or `case:…` for one of its trace), and how its text is read.

    `repairs` replaces whole texts and is applied first. `empty` lists texts that mean that nothing is there; the empty text always does.
    `options` maps texts to the options of a choice (or to true and false of a boolean); without it a text is the option itself.
    `separator` cuts a text into several options. `date` is a format such as `M/D/YYYY` or `YYYY-MM-DD HH:mm:ss`
    (M, D, H: one or two digits); without it the format of the source counts, else ISO 8601. `number` is how numbers are written.
    """

    column: Text
    repairs: dict[str, str] = {}
    empty: tuple[str, ...] = ()
    options: dict[str, str | bool] = {}
    separator: Text | None = None
    date: Text | None = None
    number: NumberFormat = NumberFormat()

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given


class CsvFile(Part):
    """A CSV file whose first row names its columns. A text is quoted by `"`, and a quote inside it is doubled."""

    file: FileName
    delimiter: Character = ","
    encoding: Text = "utf-8"
    dates: Text | None = None


class XesFile(Part):
    """An event log in XES, plain or (when its name ends in .gz) compressed: one row for each event.

    `trace_id` is the attribute of a trace that is its natural key; `activity` and `timestamp` are attributes of events.
    """

    file: FileName
    trace_id: Text = "concept:name"
    activity: Text = "concept:name"
    timestamp: Text = "time:timestamp"


class Source(Part):
    """Where rows come from: exactly one of `csv` and `xes`."""

    csv: CsvFile | None = None
    xes: XesFile | None = None

    @property
    def file(self) -> str:
        """The name of the file."""
        found = self.csv or self.xes
        assert found is not None
        return found.file


class TeamMapping(Part):
    """Teams: each different `key` is one. `name` is what the team is called, and must not be the name of a person,
    because names of teams are not sealed; teams of the same name are numbered in the order of the source.
    """

    source: Name
    key: Column
    name: Column
    region: Column | None = None


class PersonMapping(Part):
    """People: each different `key` is one, and is the person's name unless `name` says otherwise. Where it is empty, nobody is named.

    `team` holds the key of a team, `manager` the key of another person; everybody gets the `roles`.
    `region` is needed where it is not the team's; a playbook may require it, or an `email`, of whoever joins.
    """

    source: Name
    key: Column
    name: Column | None = None
    team: Column | None = None
    manager: Column | None = None
    email: Column | None = None
    region: Column | None = None
    roles: tuple[Name, ...] = ()


class OrganisationMapping(Part):
    """Who works where. Joining has no moment: an export tells who is there, not since when."""

    teams: tuple[TeamMapping, ...] = ()
    people: tuple[PersonMapping, ...] = ()


class Entry(Part):
    """A stage a record entered, and the column of the moment when. Without the column, or where it is empty, the moment is unknown."""

    stage: Name
    at: Column | None = None


class StagesMapping(Part):
    """What a source tells of the path: exactly one of two ways.

    A snapshot has a `column` with the stage a record is in, and the `path` says for each of its texts which stages are thereby known
    to have been entered, the first by opening; a stage in between that nobody saw is left out, not invented.
    An event log has `activities`: each activity's text and the stage it enters, again if need be.
    """

    column: Column | None = None
    path: dict[str, tuple[Entry, ...]] = {}
    activities: dict[str, Name] = {}


class RecordMapping(Part):
    """Records of one kind: one for each row of a CSV file, or for each trace of an event log.

    `key` is the natural key (the trace has its own). `owner` and `actor` hold keys of people; without `actor` the owner acted,
    without either the import itself. A reference field holds the key of a record of the kind it leads to, and so do `relations`.
    `known_at` are the columns of the latest moment a row knows, the first that is filled: its fields are known from then on,
    and unknown before. `opened_at` is for kinds without stages. A date without a time is 00:00 in the time zone of the mapping.
    """

    source: Name
    key: Column | None = None
    owner: Column | None = None
    actor: Column | None = None
    opened_at: Column | None = None
    known_at: tuple[Column, ...] = ()
    fields: dict[Name, Column] = {}
    relations: dict[Name, Column] = {}
    stages: StagesMapping | None = None


class Mapping(Part):
    """A whole mapping file. Its name is part of every id it makes: under another name the same rows are other records.

    References and people are looked up in the files of the same import, so that a row is refused before anything of it is written.
    """

    mapping: Name
    playbook: Name
    label: Label
    time_zone: str = "UTC"
    sources: dict[Name, Source] = Field(min_length=1)
    organisation: OrganisationMapping = OrganisationMapping()
    records: dict[Name, RecordMapping] = {}

    def columns_of(self, source: str) -> list[str]:
        """Return the columns the mapping asks of a source, each once, in reading order."""
        asked: list[str] = []
        parts: list[Part] = [*self.organisation.teams, *self.organisation.people, *self.records.values()]
        for part in parts:
            if getattr(part, "source", None) == source:
                asked += [column.column for column in _columns_in(part)]
        return list(dict.fromkeys(asked))


def _columns_in(value: object) -> list[Column]:
    if isinstance(value, Column):
        return [value]
    if isinstance(value, Part):
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, dict):
        value = list(value.values())
    return (
        [column for item in value for column in _columns_in(item)] if isinstance(value, list | tuple) else []
    )
