"""The log as of a position, as the playbook in force there reads it: records under its names, periods in its time zone."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from oracle import log as told
from oracle import playbooks as books
from oracle.log import Event, Record

Case = dict[str, Any]
Period = tuple[datetime, datetime]


@dataclass(frozen=True)
class Reading:
    """What somebody sees who asks at a position about the records of a kind, read by a playbook."""

    events: list[Event]
    position: int
    kind_name: str
    playbook: books.Playbook
    now: datetime
    """The moment the answer speaks of."""
    known: list[books.Playbook] | None = None
    """The versions it reads through, where they are more than those published by the position."""
    redecided: dict[int, tuple[str, list[str]]] | None = None
    """Of a replay: what its draft says to decisions, by position: verdict and requirements."""

    @classmethod
    def at(
        cls,
        events: list[Event],
        position: int,
        kind: str,
        draft: books.Playbook | None = None,
        *,
        now: datetime | None = None,
        redecided: dict[int, tuple[str, list[str]]] | None = None,
    ) -> "Reading":
        """Read by the general version in force at the position, or by a draft; of the moment of its event, or of a later one."""
        published = books.versions(events, position)
        then = next(event["recorded_at"] for event in events if event["position"] == position)
        read = draft or books.general(published, kind, then)
        return cls(told.upto(events, position), position, kind, read, now or then, redecided=redecided)

    @cached_property
    def published(self) -> list[books.Playbook]:
        """The versions published by then; a draft comes after all of them."""
        if self.known is not None:
            return self.known
        found = books.versions(self.events, self.position)
        if self.playbook["number"] == 0:
            newest = max((it["number"] for it in found if it["name"] == self.playbook["name"]), default=0)
            self.playbook["number"] = newest + 1
        return found if self.playbook in found else [*found, self.playbook]

    def ended_by(self, moment: datetime) -> "Reading | None":
        """The same as things stood at the end of something: after the last event recorded before a moment, read as now; None before there was any.

        What is not over at the moment the answer speaks of stands as it does now.
        """
        if moment > self.now:
            return self
        before = [event["position"] for event in self.events if event["recorded_at"] < moment]
        if not before:
            return None
        last = max(before)
        return Reading(
            told.upto(self.events, last), last, self.kind_name, self.playbook, moment, self.published
        )

    @property
    def kind(self) -> books.Kind:
        """The kind as the playbook has it."""
        return books.kinds(self.playbook)[self.kind_name]

    @property
    def zone(self) -> str:
        """The time zone of the playbook."""
        zone: str = self.playbook["document"].get("time_zone", "UTC")
        return zone

    @property
    def calendar(self) -> dict[str, Any] | None:
        """The calendar of the playbook."""
        return self.playbook["document"].get("calendar")

    @cached_property
    def everything(self) -> list[Record]:
        """Every record of the kind, those among them that were only ever asked for."""
        found = told.fold(self.events)
        return [self._read(found[name]) for name in sorted(found) if found[name]["kind"] == self.kind_name]

    @cached_property
    def records(self) -> list[Record]:
        """Every record of the kind that was opened."""
        return [record for record in self.everything if record["is_open_ever"]]

    def _read(self, record: Record) -> Record:
        """A record with every name it was told under as the playbook has it."""
        ask = (self.playbook, self.published, self.kind_name)
        visits = [
            {**visit, **{name: books.step_as(visit[name], *ask) for name in ("step", "before", "next_step")}}
            for visit in record["visits"]
        ]
        # Two steps that became one are one: which entry a visit is, is counted under the names there are now.
        for number, visit in enumerate(visits):
            visit["entry"] = 1 + sum(earlier["step"] == visit["step"] for earlier in visits[:number])
        changes = [
            {**change, "field": books.field_as(change["field"], *ask), "new": books.value_as(change["field"], change["new"], *ask)}
            for change in record["changes"]
        ]  # fmt: skip
        confirmations = [{**it, "field": books.field_as(it["field"], *ask)} for it in record["confirmations"]]
        decisions = [
            {**it, "before": books.step_as(it["before"], *ask), "after": books.step_as(it["after"], *ask),
             "unmet": [self._requirement(name) for name in it["unmet"]], "waived": [self._requirement(name) for name in it["waived"]]}
            for it in record["decisions"]
        ]  # fmt: skip
        read = books.adopted(record, self.playbook, self.published)
        return {
            **read,
            "visits": visits,
            "changes": changes,
            "confirmations": confirmations,
            "decisions": decisions,
            "raw": record,
        }

    def _requirement(self, name: str) -> str:
        what, _, of = name.partition(":")
        if what not in ("field", "evidence"):
            return name
        return f"{what}:{books.field_as(of, self.playbook, self.published, self.kind_name)}"

    def outcome(self, step: str | None) -> str:
        """Open, won, lost or closed; unknown for a step the playbook does not know."""
        known = books.steps(self.kind).get(step or "")
        return known["outcome"] if known else "unknown"

    def fields_at(self, record: Record, position: int) -> dict[str, Any]:
        """The values of a record as of a position, under the names of the playbook."""
        then = {
            change["field"]: change["new"]
            for change in record["raw"]["changes"]
            if change["position"] <= position
        }
        read = books.adopted({**record["raw"], "fields": then}, self.playbook, self.published)
        fields: dict[str, Any] = read["fields"]
        return fields

    def step_at(self, record: Record, position: int) -> str | None:
        """Where a record stood as of a position."""
        stood = [visit["step"] for visit in record["visits"] if visit["position"] <= position]
        return stood[-1] if stood else None

    def dimensions(self, record: Record, position: int, moment: datetime | None) -> dict[str, Any]:
        """What any case can be cut by: as of its own position."""
        owner = told.owner_at(record, position)
        organisation = self.organisation(position)
        values = self.fields_at(record, position)
        found = {
            "owner": owner, "team": told.team_of(organisation, owner), "region": told.region_of(organisation, owner),
            "path": record["path"] if record["is_open_ever"] and position >= record["opened_position"] else None,
            "month": month_of(moment, self.zone), "week": week_of(moment, self.zone), "quarter": quarter_of(moment, self.zone),
        }  # fmt: skip
        for name, field in books.fields(self.kind).items():
            if field["type"] in ("choice", "boolean", "person") and not books.is_personal(field):
                found[f"field:{name}"] = values.get(name)
        return found

    def organisation(self, position: int) -> told.Organisation:
        """Teams and people as of a position."""
        if position not in self._organisations:
            self._organisations[position] = told.organisation(self.events, position)
        return self._organisations[position]

    @cached_property
    def _organisations(self) -> dict[int, told.Organisation]:
        return {}

    def waited_until(self, record: Record, asked: int) -> datetime | None:
        """Until when a request waited that nobody answered: until the record ended after it, else until now. None: nobody knows.

        A record has ended that stands in a step that ends it, when it came into the first of these, one after the other.
        """
        end = None
        for visit in reversed(record["visits"]):
            if self.outcome(visit["step"]) not in ("won", "lost", "closed"):
                break
            end = visit
        ended: datetime | None = self.now
        if end is not None and end["position"] > asked:
            ended = end["entered_at"]
        return ended

    def part_of(self, step: str | None) -> str | None:
        """The stage of a step."""
        known = books.steps(self.kind).get(step or "")
        return known["part_of"] if known else None


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def month_of(moment: datetime | None, zone: str) -> str | None:
    """`2026-03`."""
    return None if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%Y-%m}"


def quarter_of(moment: datetime | None, zone: str) -> str | None:
    """`2026-Q1`."""
    if moment is None:
        return None
    here = moment.astimezone(ZoneInfo(zone))
    return f"{here.year:04}-Q{(here.month + 2) // 3}"


def week_of(moment: datetime | None, zone: str) -> str | None:
    """`2026-W12`, as ISO 8601 counts weeks."""
    if moment is None:
        return None
    year, week, _ = moment.astimezone(ZoneInfo(zone)).isocalendar()
    return f"{year:04}-W{week:02}"


def period(text: str, zone: str) -> Period:
    """The moments a month, quarter or week begins and ends at; the end is not in it."""
    year, rest = int(text[:4]), text[5:]
    if rest.startswith("W"):
        first = date.fromisocalendar(year, int(rest[1:]), 1)
        last = first + timedelta(days=7)
    else:
        start, length = (3 * int(rest[1:]) - 2, 3) if rest.startswith("Q") else (int(rest), 1)
        first, after = date(year, start, 1), start - 1 + length
        last = date(year + after // 12, after % 12 + 1, 1)
    here = ZoneInfo(zone)
    return datetime.combine(first, time(), here), datetime.combine(last, time(), here)


def is_in(moment: datetime | None, within: Period | None) -> bool:
    """Whether something happened in a period; without one everything did, also at an unknown moment."""
    if within is None:
        return True
    return moment is not None and within[0] <= moment < within[1]


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SIX = Decimal("0.000001")


def quotient(numerator: int | Decimal, denominator: int | Decimal) -> Decimal | None:
    """A quotient, half-even at six places; of nothing it is unknown."""
    if denominator == 0:
        return None
    return (Decimal(numerator) / Decimal(denominator)).quantize(SIX, ROUND_HALF_EVEN)


def percent(part: int, whole: int) -> Decimal | None:
    """A share in percent."""
    return quotient(100 * part, whole)


def mean(values: list[int]) -> Decimal | None:
    """The mean of whole numbers."""
    return quotient(sum(values), len(values))


def quantile(values: list[int], percents: int) -> int | None:
    """The smallest value that at least so many percent of the values do not exceed."""
    for value in sorted(values):
        if 100 * sum(other <= value for other in values) >= percents * len(values):
            return value
    return None
