"""The metric of approvals: how long each chain takes, and each of its levels. Approvals are folded one by one; there are few of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from projections.ledger.table import MOMENT
from projections.metrics.contract import (
    ALSO_WORKING_TIME,
    EFFECTIVE,
    Count,
    Frame,
    Mean,
    Metric,
    Number,
    Quantile,
    called,
    clause,
)
from projections.metrics.sources import Source

_TEXT, _WHOLE, _FLAG = pl.String(), pl.Int64(), pl.Boolean()
_CASE = {
    "record": _TEXT, "kind": _TEXT, "position": _WHOLE, "moment": MOMENT, "approval": _TEXT, "chain": _TEXT, "level": _TEXT,
    "requester": _TEXT, "owner": _TEXT, "ended": _TEXT, "ended_at": MOMENT,
}  # fmt: skip
_ROWS = (
    "record", "kind", "position", "approval", "event", "chain", "order", "levels", "level", "role", "decision", "back_to",
    "at", "actor", "on_behalf_of",
)  # fmt: skip


@dataclass(slots=True)
class _Level:
    roles: frozenset[str]
    quorum: int
    approved: set[str] = field(default_factory=set)

    @property
    def is_met(self) -> bool:
        return len(self.approved) >= self.quorum


@dataclass(slots=True)
class _Stay:
    """An approval, or a stretch in which one of its levels waited for a decision; `ended` says how, None while it goes on."""

    position: int
    at: datetime | None
    level: str | None
    by: str | None = None
    ended: str | None = None
    ended_at: datetime | None = None

    def ends(self, how: str, row: Mapping[str, Any]) -> None:
        self.ended, self.ended_at = how, row["at"]
        if how in ("approved", "rejected"):
            self.by = row["on_behalf_of"] or row["actor"]


class _Approval:
    """One approval, event by event: which levels wait, since when, and how each stretch ended."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.levels = _levels_of(row["levels"])
        self.in_sequence = row["order"] == "sequence"
        self.whole = _Stay(row["position"], row["at"], None)
        self.stays: list[_Stay] = []
        self._wait(row)

    def take(self, row: Mapping[str, Any]) -> None:
        if self.whole.ended is not None:
            return
        match row["event"]:
            case "decided":
                self._decided(row)
            case "recalled":
                self._over("recalled", row)
            case "migrated":
                known, self.levels = self.levels, _levels_of(row["levels"])
                for name, level in self.levels.items():
                    level.approved = (known[name].approved if name in known else set()) & level.roles
                for stay in self._waiting():
                    if stay.level not in self.levels or self.levels[stay.level].is_met:
                        stay.ends("migrated", row)
                self._go_on(row)

    def _decided(self, row: Mapping[str, Any]) -> None:
        name = row["level"]
        if row["decision"] == "rejected":
            self._end(name, "rejected", row)
            if row["back_to"] is None:
                self._over("rejected", row)
                return
            names = list(self.levels)
            # A migration may have taken a level away that was led back to, or that was decided.
            first = names.index(row["back_to"]) if row["back_to"] in names else 0
            last = names.index(name) if name in names else len(names)
            for back in names[first : last + 1]:
                self.levels[back].approved.clear()
                self._end(back, "asked again", row)
        elif name in self.levels:
            self.levels[name].approved.add(row["role"])
            if self.levels[name].is_met:
                self._end(name, "approved", row)
        self._go_on(row)

    def _go_on(self, row: Mapping[str, Any]) -> None:
        if all(level.is_met for level in self.levels.values()):
            self._over("approved", row)
        else:
            self._wait(row)

    def _wait(self, row: Mapping[str, Any]) -> None:
        open_now = [name for name, level in self.levels.items() if not level.is_met]
        waiting = {stay.level for stay in self._waiting()}
        for name in open_now[:1] if self.in_sequence else open_now:
            if name not in waiting:
                self.stays.append(_Stay(row["position"], row["at"], name))
        if self.in_sequence:
            for stay in self._waiting():
                if stay.level != open_now[0]:
                    stay.ends("asked again", row)

    def _waiting(self) -> list[_Stay]:
        return [stay for stay in self.stays if stay.ended is None]

    def _end(self, level: str, how: str, row: Mapping[str, Any]) -> None:
        for stay in self._waiting():
            if stay.level == level:
                stay.ends(how, row)

    def _over(self, how: str, row: Mapping[str, Any]) -> None:
        self.whole.ends(how, row)
        for stay in self._waiting():
            stay.ends("over", row)

    def cases(self, *, levels: bool) -> Iterator[tuple[Any, ...]]:
        row = self.row
        requester = row["on_behalf_of"] or row["actor"]
        for stay in self.stays if levels else [self.whole]:
            yield (
                row["record"], row["kind"], stay.position, stay.at, row["approval"], row["chain"], stay.level,
                requester, stay.by, stay.ended, stay.ended_at,
            )  # fmt: skip


def _levels_of(told: str) -> dict[str, _Level]:
    levels = {}
    for level in orjson.loads(told):
        roles = frozenset(level["approvers"])
        quorum = level.get("quorum")
        levels[str(level["name"])] = _Level(roles, len(roles) if quorum is None else int(quorum))
    return levels


def _folded(rows: Iterable[Mapping[str, Any]], *, levels: bool) -> Iterator[tuple[Any, ...]]:
    found: dict[tuple[str, str], _Approval] = {}
    for row in rows:
        key = (row["record"], row["approval"])
        if row["event"] == "requested":
            found[key] = _Approval(row)
        else:
            found[key].take(row)
    for approval in found.values():
        yield from approval.cases(levels=levels)


def _cases(source: Source, *, levels: bool) -> pl.LazyFrame:
    rows = source.scan("approvals").select(_ROWS).sort("position").collect()
    told = list(_folded(rows.iter_rows(named=True), levels=levels))
    # What was decided leaves the mean as soon as it is recalled or asked again: nobody took that long to decide.
    decided = pl.col("ended").is_in(["approved", "rejected"])
    running = pl.col("ended").is_null()
    until = pl.when(running).then(source.now.cast(MOMENT)).otherwise("ended_at")
    cases = pl.DataFrame(told, schema=_CASE, orient="row").lazy().filter(source.in_period("moment"))
    counts = (decided | running) & pl.col("moment").is_not_null() & until.is_not_null()
    end = pl.max_horizontal("moment", until)
    return cases.with_columns(
        decided=decided,
        running=running,
        recalled=(pl.col("ended") == "recalled").fill_null(value=False),
        approved=(pl.col("ended") == "approved").fill_null(value=False),
        rejected=(pl.col("ended") == "rejected").fill_null(value=False),
        unknown=(decided | running) & ~counts,
        judged=counts,
        seconds=pl.when(counts).then((end - pl.col("moment")).dt.total_seconds()),
        business_seconds=pl.when(counts).then(source.reading.business(pl.col("moment"), end)),
    ).with_columns(business_judged=pl.col("business_seconds").is_not_null())


def _levels(source: Source) -> pl.LazyFrame:
    return _cases(source, levels=True)


def _chains(source: Source) -> pl.LazyFrame:
    return _cases(source, levels=False).drop("level")


def _durations(of: str, zh: str, en: str) -> tuple[Number, ...]:
    def words(zh_what: str, en_what: str) -> Any:
        return called(f"{zh}：{zh_what}", f"{en}: {en_what}")

    return (
        Count(f"{of}_approved", words("通过", "approved"), "approved"),
        Count(f"{of}_rejected", words("驳回", "rejected"), "rejected"),
        Count(f"{of}_running", words("进行中", "running"), "running"),
        Count(f"{of}_unknown", words("未知", "unknown"), "unknown"),
        Count(f"{of}_judged", words("可判定", "judged"), "judged"),
        Mean(f"{of}_mean_seconds", words("平均（秒）", "mean in seconds"), "seconds", f"{of}_judged"),
        Quantile(f"{of}_median_seconds", words("中位数（秒）", "median in seconds"), "seconds", 50, f"{of}_judged"),
        Count(f"{of}_business_judged", words("可按工作时间判定", "judged in working time"), "business_judged"),
        Mean(f"{of}_business_mean_seconds", words("平均（工作秒）", "mean in working seconds"), "business_seconds", f"{of}_business_judged"),
    )  # fmt: skip


_OF_CHAIN = {"chain": called("审批链", "Approval chain"), "requester": called("申请人", "Requester")}

APPROVAL_TIMES = Metric(
    name="approval_times",
    label=called("审批用时", "Times of approvals"),
    meaning=clause(
        "审批用时多久（按审批链），每一审批级等待决定多久。",
        "How long approvals take, by chain, and how long each of their levels waits for its decision.",
    ),
    axis=EFFECTIVE,
    unit=clause(
        "周期内开始的、某审批级等待决定的一段时间，或整个审批",
        "a stretch in which a level waited to be decided, or an approval as a whole, that began in the period",
    ),
    running=clause(
        "仍在等待的按到所说时刻已过的时间算；撤回、重新请求或被取代的没有决定，不计入平均值",
        "what waits still counts with the time that has passed by the moment the answer speaks of; what was recalled, asked again or overtaken was not decided and leaves the means",
    ),
    denominator=clause(
        "平均值和中位数以可判定的时段（审批）为准：同意、驳回或进行中",
        "means and medians are over judged stretches (approvals): approved, rejected or running",
    ),
    nulls=clause(
        "起止时刻未知的时段为未知，不计入平均值；告知的决定时刻更早的，用时为零",
        "a stretch is unknown, and leaves the means, when the moment it began or ended at is; a decision told of an earlier moment took no time",
    ),
    team=clause("做出决定的人；进行中则无人", "of whoever decided it; nobody while it is running"),
    calendar=ALSO_WORKING_TIME,
    needs_steps=False,
    frames=(
        Frame(
            "a stretch in which a level waited to be decided",
            _levels,
            (Count("levels", called("审批级", "Levels")), *_durations("level", "审批级", "Level")),
            {**_OF_CHAIN, "level": called("审批级", "Level")},
        ),
        Frame(
            "an approval",
            _chains,
            (
                Count("approvals", called("审批", "Approvals")),
                Count("recalled", called("撤回", "Recalled"), "recalled"),
                *_durations("approval", "审批", "Approval"),
            ),
            _OF_CHAIN,
        ),
    ),
)
