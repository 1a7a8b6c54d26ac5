"""What stands between each open record and its next step, now: under the draft, and under the rules in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook, Scope
from domain.record.gates import move_between
from domain.refusals import NotFound
from projections.ledger.view import Partitions, View
from projections.replay.decided import GROUP
from projections.replay.happened import Happened
from projections.replay.judging import CASE, Grounds, judged
from projections.replay.keyed import keyed
from projections.replay.organised import Organised
from projections.replay.plans import Asked, Group, Plan, asked_of, drafted_of
from projections.replay.questions import Reading
from projections.replay.rulebook import Rulebook, mappings_of
from projections.replay.scope import in_scope
from projections.replay.state import State

GATE_STATE: Final = pl.Schema(
    {
        "record": pl.String(),
        "kind": pl.String(),
        "step": pl.String(),
        "next_step": pl.String(),
        "unmet": pl.List(pl.String()),
        "unmet_published": pl.List(pl.String()),
        "owner": pl.String(),
    }
)
"""One row: an open record. `unmet` lists what the draft's gate to the next step lacks; `unmet_published` what that of the rules in force lacks."""


@dataclass(frozen=True)
class Standing:
    """Which versions may be in force for each kind the draft is about, newest first, and the moment gates are asked."""

    in_force: Mapping[str, tuple[tuple[str, int], ...]]
    moment: datetime | None


@dataclass(frozen=True)
class _Step:
    """Where records of a kind stand, as two versions read it, and what they are asked for the next step."""

    step: str | None
    next_step: str | None
    drafted: Asked
    published: Asked | None
    gone: tuple[str, ...] = ()


def standing_records(view: View, partition: Partitions, kinds: Sequence[str]) -> pl.DataFrame:
    """Read where every record of some kinds stands, and who answers for it, with the columns judging asks for."""
    visits = (
        view.scan("visits", partition=partition)
        .filter(pl.col("left_position").is_null(), pl.col("kind").is_in(list(kinds)))
        .select("record", "kind", "path", before="step")
    )
    owners = (
        view.scan("owners", partition=partition).filter(pl.col("until").is_null()).select("record", "owner")
    )
    unknown = view.scan("records", partition=partition).select("record", "unknown")
    found = visits.join(owners, on="record", how="left").join(unknown, on="record", how="left")
    return found.sort("record").collect()


def gate_state(
    rows: pl.DataFrame,
    position: int,
    standing: Standing,
    rulebook: Rulebook,
    scope: Scope,
    state: State,
    happened: Happened,
    organised: Organised,
) -> pl.DataFrame:
    """Ask every open record for its next step. `rows` are those of `standing_records`."""
    grounds = Grounds(state, happened, organised)
    rows = keyed(rows.with_columns(position=pl.lit(position, pl.Int64)), state.names).with_columns(
        fields_upto="position",
        facts_upto="position",
        stood_upto="position",
        basis="position",
        edits_of=pl.lit(None, pl.Int64),
        after="before",
        person=pl.lit(None, pl.String),
        at=pl.lit(standing.moment, pl.Datetime("us", "UTC")),
        **{"#waived": pl.lit("")},
    )
    parts = [GATE_STATE.to_frame()]
    for (kind,), of_kind in rows.partition_by("kind", as_dict=True, maintain_order=True).items():
        left = of_kind
        for key in standing.in_force.get(str(kind), ()):
            then = rulebook.versions[key]
            reading = Reading.of(mappings_of(then, str(kind)))
            inside = in_scope(left, then.scope, reading, grounds)
            parts.append(_asked(left.filter(inside), str(kind), then, rulebook, scope, grounds))
            left = left.filter(~inside)
    return pl.concat(parts).sort("record")


def _asked(
    rows: pl.DataFrame,
    kind: str,
    then: PublishedPlaybook,
    rulebook: Rulebook,
    scope: Scope,
    grounds: Grounds,
) -> pl.DataFrame:
    draft = rulebook.draft
    assert draft is not None
    reading = Reading.of(mappings_of(then, kind), mappings_of(draft, kind))
    rows = rows.filter(in_scope(rows, scope, reading, grounds))
    groups = rows.select("path", "before").unique().sort("path", "before", nulls_last=False)
    found = [
        (number, path, before, _known_step(rulebook, kind, path, before, then, draft, reading))
        for number, (path, before) in enumerate(groups.iter_rows())
    ]
    is_open = [item for item in found if item[3] is not None]
    steps: list[_Step] = [step for *_, step in is_open if step is not None]
    told = pl.DataFrame(
        [(number, path, before) for number, (_, path, before, _) in enumerate(is_open)],
        schema={GROUP: pl.UInt32(), "path": pl.String(), "before": pl.String()},
        orient="row",
    )
    standing = rows.join(told, on=["path", "before"], how="inner", nulls_equal=True, maintain_order="left")
    cases = judged(standing, [Plan(step.published, step.drafted) for step in steps], grounds)
    said: list[tuple[Any, ...]] = []
    for group, _, answers in cases.cases:
        step = steps[group]
        unmet = [*step.gone, *(item.id for item in step.drafted if not answers.is_met(item))]
        published = step.published and [item.id for item in step.published if not answers.is_met(item)]
        said.append(
            (step.step, step.next_step, unmet, None if step.published is None else list(published or ()))
        )
    schema = {name: GATE_STATE[name] for name in ("step", "next_step", "unmet", "unmet_published")}
    answers_of = pl.DataFrame(said, schema=schema, orient="row").with_row_index(CASE)
    return cases.rows.join(answers_of, on=CASE, how="left", maintain_order="left").select(GATE_STATE.names())


def _known_step(
    rulebook: Rulebook,
    kind: str,
    path: str | None,
    recorded: str,
    then: PublishedPlaybook,
    draft: PublishedPlaybook,
    reading: Reading,
) -> _Step | None:
    key = (then.name, then.number, kind, path, recorded)
    if key not in rulebook.worked_out:
        rulebook.worked_out[key] = _step(kind, path, recorded, then, draft, reading)
    found: _Step | None = rulebook.worked_out[key]
    return found


def _step(
    kind_name: str,
    path: str | None,
    recorded: str,
    then: PublishedPlaybook,
    draft: PublishedPlaybook,
    reading: Reading,
) -> _Step | None:
    """Work out the next step of records that stand in one; None where they are at the end of their way."""
    was = Reading.of(mappings_of(then, kind_name)).step(recorded)
    now = reading.step(recorded)
    assert was is not None
    assert now is not None
    kind, before = draft.document.kinds[kind_name], then.document.kinds[kind_name]
    known = kind.steps.get(now)
    if known is None:
        is_open = was in before.steps and before.steps[was].outcome == "open"
        return _Step(now, None, (), None, (f"stage:{now}",)) if is_open else None
    if known.outcome != "open":
        return None
    try:
        following = next_step(kind, path, now)
        drafted = (
            ()
            if following is None
            else drafted_of(_group(kind_name, kind, path, now, following), then, draft, reading)
        )
    except NotFound as gone:
        return _Step(now, None, (), None, (f"{gone.what}:{gone.name}",))
    return _Step(now, following, drafted, _published(kind_name, path, was, then))


def _published(kind_name: str, path: str | None, step: str, then: PublishedPlaybook) -> Asked | None:
    kind = then.document.kinds[kind_name]
    try:
        following = next_step(kind, path, step)
        if following is None:
            return ()
        reading = Reading.of(mappings_of(then, kind_name))
        return asked_of(then, _group(kind_name, kind, path, step, following), reading)
    except NotFound:
        return None


def _group(kind_name: str, kind: Kind, path: str | None, step: str, following: str) -> Group:
    move = move_between(kind, step, following, path)
    return Group(None, None, kind_name, path, step, following, move, has_reason=False, waives=False)


def next_step(kind: Kind, path: str | None, step: str) -> str | None:
    """Return the step that comes next on a path, after the last open one the first that is won; None at the end of the way.

    Raises NotFound for a step or a path the kind does not have.
    """
    if path is not None and path not in kind.paths:
        raise NotFound("path", path)
    if step not in kind.steps:
        raise NotFound("stage", step)
    on_path = kind.steps_of(path)
    way = kind.way(path)
    order = list(kind.steps)
    ahead = (
        way[way.index(step) + 1 :]
        if step in way
        else [name for name in way if order.index(name) > order.index(step)]
    )
    won = [name for name, found in on_path.items() if found.outcome == "won"]
    return next(iter([*ahead, *won]), None)
