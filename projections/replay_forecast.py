"""Forecast and truth: what a replay said a version would refuse and what its indices would be, and what has happened since it is in force.

Gates are counted the same way on both sides: per requirement, how many of so many decisions it refused, per hundred, and how long the move was held up.
Indices stand beside each other cell by cell (`projections.replay_index_truth`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from domain.events import PlaybookPublished
from domain.labels import Label
from domain.naming import PLAYBOOKS_STREAM, nearest
from domain.refusals import NotFound
from domain.rules.arithmetic import divide, number_text
from domain.values import moment_text
from projections.footing import Footing
from projections.ledger.view import View
from projections.lens import Visible
from projections.replay_answers import Words, words_of
from projections.replay_index_truth import indices_compared
from projections.replay_jobs import Replays, State

NOTE = Label(
    en="The forecast judges what people did under the rules of then, each decision on its own; the truth is what they did under the new ones."
    " Both count what a requirement always refused as well as what it refuses newly.",
    zh="预测是把人们当时在旧规则下的每一个决定单独重新判断；实际则是人们在新规则下的做法。"
    "两边都既计入一项要求一直拒绝的，也计入它新增拒绝的。",
)
_HUNDRED = 100
_NOTHING = pl.lit([], dtype=pl.List(pl.String()))


def comparison(footing: Footing, replays: Replays, name: str, number: int) -> Visible:
    """Show for a published version that named a replay what was forecast and what happened. Raises NotFound.

    Rates are refusals per hundred decisions, null where there are no decisions. A replay whose result is not kept any more leaves `forecast` and `indices` null;
    so does one that was not about indices, as for a scope, of the latter.
    """
    published = _published(footing, name, number)
    event, bounded = published.event, footing.bounded()
    assert isinstance(event, PlaybookPublished)
    if event.replay is None:
        raise NotFound("replay named by this version", str(number))
    view = replays.view(bounded.position)
    truth = Counted.of_truth(view, name, number)
    job = replays.job(event.replay)
    kept = replays.store.find(event.replay) if job is not None and job.state is State.done else None
    forecast, words, indices = None, None, None
    if job is not None and kept is not None:
        forecast = Counted.of_forecast(replays.store.scan(kept, "decisions"))
        words = words_of(footing, replays, job)
        if "index_values" in kept.datasets:
            indices = indices_compared(
                view,
                footing.playbooks(bounded).versions[name, number],
                replays.store.scan(kept, "index_values"),
                replayed_at=footing.recorded_at(job.position),
                now=footing.clock(),
                words=words,
            )
    lens = footing.lens(bounded)
    return lens.figures(
        playbook=name,
        playbook_version=number,
        replay=event.replay,
        published_at=moment_text(published.recorded_at),
        published_position=published.position,
        forecast=None if forecast is None else forecast.totals(),
        actual=truth.totals(),
        requirements=compared(forecast, truth, words),
        indices=indices,
        weeks={
            "forecast": None if forecast is None else forecast.weeks(),
            "actual": truth.weeks(),
        },
        note=NOTE.model_dump(),
        **footing.about(bounded),
    )


class Counted:
    """Decisions as they came out: one row each, with `refused_by` (the requirements that refused it), `at` and `held_up_seconds`.

    `held_up_seconds` is how long a refused move took until it was possible (forecast) or done (truth); null: not in the log.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows
        self._refusals = (
            rows.filter(pl.col("refused_by").list.len() > 0)
            .explode("refused_by")
            .rename({"refused_by": "requirement"})
        )

    @classmethod
    def of_forecast(cls, decisions: pl.LazyFrame) -> "Counted":
        """Count what a replay says: decisions the draft refuses by what refuses them, now as before or newly; all others as going through."""
        is_newly_refused = pl.col("verdict") == "newly_refused"
        is_refused = (pl.col("verdict") != "newly_allowed") & (pl.col("requirements").list.len() > 0)
        rows = (
            decisions.filter(pl.col("verdict") != "not_judgeable")
            .select(
                "record", "position", "after", "at", "recorded_at", "delayed_seconds",
                refused_by=pl.when(is_refused).then("requirements").otherwise(_NOTHING),
                is_newly_refused=is_newly_refused,
                possible_at=pl.when(is_newly_refused).then("delayed_until_at").when(~is_refused).then("at"),
            )
            .collect()
        )  # fmt: skip
        as_before = rows.filter((pl.col("refused_by").list.len() > 0) & ~pl.col("is_newly_refused"))
        went_on = _went_on(as_before, rows.drop_nulls("possible_at").with_columns(at="possible_at"))
        return cls(
            rows.join(went_on, on="position", how="left")
            .sort("position")
            .select("recorded_at", "refused_by", held_up_seconds=pl.coalesce("delayed_seconds", "seconds"))
        )

    @classmethod
    def of_truth(cls, view: View, playbook: str, number: int) -> "Counted":
        """Count what happened under a version: decisions made under it, and what refused them."""
        decisions = view.scan("decisions").filter(
            (pl.col("playbook") == playbook) & (pl.col("playbook_version") == number)
        )
        outcomes = view.scan("outcomes").select("record", "position", "accepted", "unmet")
        rows = (
            decisions.select("record", "position", "after", "at", "recorded_at")
            .join(outcomes, on=["record", "position"])
            .collect()
        )
        refused_by = pl.when(pl.col("accepted")).then(_NOTHING).otherwise(pl.col("unmet"))
        return cls(
            rows.join(
                _went_on(rows.filter(~pl.col("accepted")), rows.filter("accepted")), on="position", how="left"
            )
            .sort("position")
            .select("recorded_at", refused_by=refused_by, held_up_seconds="seconds")
        )

    def totals(self) -> dict[str, Any]:
        """Return how many decisions there are, how many are refused, and from when to when they were."""
        refused = self._rows.filter(pl.col("refused_by").list.len() > 0).height
        first, last = self._rows["recorded_at"].min(), self._rows["recorded_at"].max()
        return {
            "decisions": self._rows.height,
            "refused": refused,
            "rate_percent": _rate(refused, self._rows.height),
            "from": moment_text(first) if isinstance(first, datetime) else None,
            "to": moment_text(last) if isinstance(last, datetime) else None,
        }

    def of(self, requirement: str) -> dict[str, Any]:
        """Return what one requirement refuses, and for how long: the median of those that went on, by nearest rank."""
        rows = self._refusals.filter(pl.col("requirement") == requirement)
        held = rows["held_up_seconds"].drop_nulls().sort()
        return {
            "refused": rows.height,
            "decisions": self._rows.height,
            "rate_percent": _rate(rows.height, self._rows.height),
            "held_up_median_seconds": held[(held.len() + 1) // 2 - 1] if held.len() else None,
            "held_up_judged": held.len(),
            "went_on_never": rows.height - held.len(),
        }

    @property
    def requirements(self) -> list[str]:
        """The requirements that refuse something."""
        return self._refusals["requirement"].unique().sort().to_list()

    def weeks(self) -> list[dict[str, Any]]:
        """Return decisions and refusals by requirement, week by week (ISO, UTC)."""
        week = pl.col("recorded_at").dt.strftime("%G-W%V").alias("week")
        decided = dict(self._rows.group_by(week).len().iter_rows())
        refused: dict[str, dict[str, int]] = {}
        for at, requirement, count in self._refusals.group_by(week, "requirement").len().iter_rows():
            refused.setdefault(at, {})[requirement] = count
        return [
            {"week": at, "decisions": decided[at], "refused": dict(sorted(refused.get(at, {}).items()))}
            for at in sorted(decided)
        ]


def compared(forecast: Counted | None, truth: Counted, words: Words | None) -> list[dict[str, Any]]:
    """Return both sides of each requirement that refuses on one of them, what was forecast to refuse most first."""
    names: Sequence[str] = sorted({*(forecast.requirements if forecast else ()), *truth.requirements})
    rows = [
        {
            "requirement": name,
            "label": words.requirement(name) if words is not None else None,
            "forecast": None if forecast is None else forecast.of(name),
            "actual": truth.of(name),
        }
        for name in names
    ]
    return sorted(rows, key=lambda row: -(row["forecast"] or row["actual"])["refused"])


def _went_on(refused: pl.DataFrame, possible: pl.DataFrame) -> pl.DataFrame:
    """Return the `position` of each refused move the record made later all the same, and in how many `seconds`."""
    later = possible.select("record", "after", later="position", later_at="at")
    return (
        refused.join(later, on=["record", "after"])
        .filter(pl.col("later") > pl.col("position"))
        .sort("later")
        .unique(subset="position", keep="first", maintain_order=True)
        .select("position", seconds=(pl.col("later_at") - pl.col("at")).dt.total_seconds())
    )


def _published(footing: Footing, name: str, number: int) -> Any:
    found = {
        (recorded.event.name, recorded.event.number): recorded
        for recorded in footing.log.stream(PLAYBOOKS_STREAM)
        if isinstance(recorded.event, PlaybookPublished)
    }
    if (name, number) not in found:
        names = {own for own, _ in found}
        if name not in names:
            raise NotFound("playbook", name, nearest(name, names))
        raise NotFound("version of the playbook", str(number))
    return found[name, number]


def _rate(part: int, whole: int) -> str | None:
    rate = divide(part * _HUNDRED, whole)
    return None if rate is None else number_text(rate)
