"""Replays as somebody may see them: how far each is, what it found, and the decisions behind every number, through the lens."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from domain.labels import Label
from domain.playbook.published import PublishedPlaybook
from domain.record.gates import MOVE_REQUIREMENTS
from domain.values import moment_text
from projections.as_of import Horizon
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.footing import Footing
from projections.lens import Lens, Visible
from projections.lists import Ask
from projections.replay_cases import By, Cases, grouped
from projections.replay_changes import changes_of
from projections.replay_jobs import Job, Replays, State, find_job, result_of

RIGHTS = {
    "right:skip": Label(zh="需要跳过阶段的权限", en="The right to skip stages"),
    "right:waive": Label(zh="需要豁免要求的权限", en="The right to waive requirements"),
}


class Words:
    """What people call the parts of an impact: requirements, steps, indices and people, as of the replay's position."""

    def __init__(self, lens: Lens, draft: PublishedPlaybook, published: Iterable[PublishedPlaybook]) -> None:
        self.lens = lens
        # The draft's own words first; what it took away is called as the newest version that had it called it.
        self._books = (draft, *published)

    def requirement(self, name: str) -> dict[str, str] | None:
        """Return the label of a requirement id; None where no playbook knows it."""
        what, _, of = name.partition(":")
        found = MOVE_REQUIREMENTS.get(name) or RIGHTS.get(name)
        for book in self._books if found is None else ():
            for kind in book.document.kinds.values():
                if what in ("field", "evidence") and of in kind.fields:
                    return kind.fields[of].label.model_dump()
                for _, _, _, gate in kind.gates:
                    if what == "condition" and of in gate.conditions:
                        return gate.conditions[of].label.model_dump()
                if what in ("step", "stage") and of in kind.steps:
                    return kind.steps[of].label.model_dump()
        return None if found is None else found.model_dump()

    def step(self, name: str | None, of_kind: str | None = None) -> dict[str, str] | None:
        """Return the label of a step."""
        for book in self._books:
            for kind, spec in book.document.kinds.items():
                step = spec.steps.get(name or "")
                if step is not None and of_kind in (None, kind):
                    return step.label.model_dump()
        return None

    def index(self, name: str, component: str | None = None) -> dict[str, str] | None:
        """Return the label of an index, or of one of its components."""
        for book in self._books:
            index = book.document.indices.get(name)
            if index is None:
                continue
            if component is None:
                return index.label.model_dump()
            part = index.components.get(component) or index.caps.get(component)
            if part is not None:
                return part.label.model_dump()
        return None

    def reason(self, index: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return a reason why an index moved, with the label of its component; of another band or cap, with what the two are called."""
        shown = {**told, "component_label": self.index(index, told.get("component"))}
        if told.get("what") not in ("band", "cap"):
            return shown
        called = self.band if told["what"] == "band" else self.index
        sides = {side: told.get(side) for side in ("before", "after")}
        labels = {
            f"{side}_label": None if name is None else called(index, name) for side, name in sides.items()
        }
        return {**shown, **labels}

    def band(self, index: str, name: str) -> dict[str, str] | None:
        """Return the label of a band of an index; None where no playbook knows it."""
        for book in self._books:
            found = book.document.indices.get(index)
            if found is not None and name in found.bands:
                return found.bands[name].label.model_dump()
        return None

    def cell(self, cell: object) -> object:
        """Return a cell of an index, with the name of the person it is about."""
        if not isinstance(cell, Mapping):
            return cell
        names: dict[str, object] = {}
        if isinstance(cell.get("owner"), str):
            names["owner_name"] = self.lens.person(cell["owner"])
        if isinstance(cell.get("team"), str):
            names["team_name"] = self.lens.team(cell["team"])
        return {**cell, **names}


def words_of(footing: Footing, replays: Replays, job: Job) -> Words:
    """Return the words for a replay that is done. Raises NotDone."""
    _, kept = result_of(replays, job.id)
    at = Horizon(position=job.position)
    lens = footing.lens(at)
    lens.prepare(())
    versions = footing.playbooks(at).versions
    same = [version for (name, _), version in sorted(versions.items(), reverse=True) if name == job.playbook]
    return Words(lens, replays.store.draft(kept), same)


def told(job: Job) -> dict[str, Any]:
    """Return what is told of a replay in any state. Nothing in it is personal."""
    return {
        "id": job.id,
        "state": job.state.value,
        "playbook": job.playbook,
        "draft": job.draft,
        "digest": job.digest,
        "window": {"after": job.after, "upto": job.upto},
        "scope": {name: list(options) for name, options in job.scope.items()},
        "position": job.position,
        "asked_at": job.asked_at,
        "asked_by": job.asked_by,
        "progress": {
            "done": job.done,
            "of": job.of,
            "seconds": job.seconds,
            "eta_seconds": job.eta_seconds,
        },
        "failure": None if job.reason is None else {"reason": job.reason, "message": job.message},
    }


def list_replays(footing: Footing, replays: Replays, ask: Ask, playbook: str | None = None) -> Visible:
    """Show the replays that were asked for, the newest first."""
    question = ["replays", playbook]
    cursor = Cursor.read(ask.cursor, question)
    skip = cursor.skip if cursor is not None else 0
    jobs = [job for job in replays.jobs() if playbook in (None, job.playbook)]
    page, lens = jobs[skip : skip + ask.limit], footing.lens()
    more = len(jobs) > skip + ask.limit
    following = Cursor(0, skip + len(page)).text(question) if more else None
    items = [lens.figures(**told(job)) for job in page]
    return lens.page(items, next=following, **footing.about_now())


def show_replay(footing: Footing, replays: Replays, name: str) -> Visible:
    """Show a replay: how far it is, and once it is done what it found. Raises NotFound, ReplayDamaged."""
    job = find_job(replays, name)
    bounded = Horizon(position=job.position)
    if job.state is not State.done:
        return footing.lens(bounded).figures(**told(job), impact=None, **footing.about(bounded))
    _, kept = result_of(replays, job.id)
    words = words_of(footing, replays, job)
    impact = shown_impact(replays.store.impact(kept), words)
    draft = replays.store.draft(kept)
    return words.lens.figures(
        **told(job),
        playbook_label=draft.document.label.model_dump(),
        recorded=recorded(footing, job),
        changes=against_in_force(footing, job, draft),
        impact=impact,
        datasets=kept.datasets,
        **footing.about(bounded),
    )


def recorded(footing: Footing, job: Job) -> dict[str, Any]:
    """Return from when to when the window of a replay was recorded, and when the log began: a window that begins with it reaches no further back."""
    began = moment_text(footing.recorded_at(1))
    return {
        "from": moment_text(footing.recorded_at(job.after + 1)),
        "to": moment_text(footing.recorded_at(job.upto)),
        "log_began": began,
        "begins_with_log": job.after == 0,
    }


def against_in_force(footing: Footing, job: Job, draft: PublishedPlaybook) -> dict[str, Any]:
    """Return what the draft says otherwise than the version that was in force when it was replayed; of a playbook nobody had published, all of it."""
    at = Horizon(position=job.position)
    books = replace(footing.playbooks(at), moment=None).at(footing.recorded_at(job.position))
    published = books.in_force.get(job.playbook)
    return {
        "playbook_version": None if published is None else published.number,
        "items": changes_of(published, draft),
    }


def show_result(footing: Footing, replays: Replays, name: str) -> Visible:
    """Show what a replay found. Raises NotFound, NotDone, ReplayDamaged."""
    job, _ = result_of(replays, name)
    return show_replay(footing, replays, job.id)


def shown_impact(impact: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return an impact with the names of people and the labels of requirements, steps and indices."""
    rules = [{**row, "label": words.requirement(row["requirement"])} for row in impact.get("rules", ())]
    unknown = [
        {**row, "label": words.requirement(row["requirement"])} for row in impact.get("not_judgeable", ())
    ]
    edges = [
        {**row, "before_label": words.step(row["before"]), "after_label": words.step(row["after"])}
        for row in impact.get("edges", ())
    ]
    people = [{**row, "owner_name": words.lens.person(row["owner"])} for row in impact.get("people", ())]
    indices = [_index(row, words) for row in impact.get("indices", ())]
    return {
        **impact,
        "rules": rules,
        "edges": edges,
        "people": people,
        "not_judgeable": unknown,
        "indices": indices,
        "subjects": [_subject(subject, words) for subject in impact.get("subjects", ())],
    }


def _subject(told: Mapping[str, Any], words: Words) -> dict[str, Any]:
    people = [{**row, "person_name": words.lens.person(row["person"])} for row in told["people"]]
    return {**told, "people": people}


def _index(told: Mapping[str, Any], words: Words) -> dict[str, Any]:
    name = told["index"]
    movers = [
        {
            **mover,
            "cell": words.cell(mover.get("cell")),
            "reasons": [words.reason(name, reason) for reason in mover.get("reasons", ())],
        }
        for mover in told.get("movers", ())
    ]
    return {**told, "label": words.index(name), "movers": movers}


def decisions(
    footing: Footing, replays: Replays, name: str, ask: Ask, cases: Cases, by: By = "decision"
) -> Visible:
    """Show the decisions behind a number, or the records or owners they are of. Raises NotFound, NotDone, InvalidQuery."""
    job, kept = result_of(replays, name)
    question = ["decisions", job.id, by, *cases.words]
    cursor = Cursor.read(ask.cursor, question)
    skip = cursor.skip if cursor is not None else 0
    rows = grouped(cases.of(replays.store.scan(kept, "decisions")), by)
    total = rows.select(pl.len()).collect().item()
    page = rows.slice(skip, ask.limit).collect().to_dicts()
    words, bounded = words_of(footing, replays, job), Horizon(position=job.position)
    people = {row[who] for row in page for who in ("owner", "actor") if row.get(who)}
    names = footing.names(
        words.lens, [*people, *(row["record"] for row in page if row.get("record"))], bounded
    )
    items = [
        words.lens.figures(**(_decision(row, words, names) if by == "decision" else _named(row, names)))
        for row in page
    ]
    following = Cursor(job.position, skip + len(page)).text(question) if skip + len(page) < total else None
    return words.lens.page(items, next=following, total=total, replay=job.id, **footing.about(bounded))


def _decision(row: Mapping[str, Any], words: Words, names: Mapping[str, str]) -> dict[str, Any]:
    ids = [*(row["requirements"] or ()), *(row["waived"] or ())]
    return {
        **{name: _plain(value) for name, value in row.items()},
        "record_name": names.get(row["record"]),
        "owner_name": names.get(row["owner"]) if row["owner"] else None,
        "actor_name": names.get(row["actor"]) if row["actor"] else None,
        "before_label": words.step(row["before"], row["kind"]),
        "after_label": words.step(row["after"], row["kind"]),
        "labels": {name: words.requirement(name) for name in ids},
    }


def _named(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {**row, "name": names.get(row.get("record") or row.get("owner") or "")}


def _plain(value: Any) -> Any:
    return moment_text(value) if isinstance(value, datetime) else value


def gate_of(replays: Replays, name: str, records: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what the draft asks of records for their next step, and what the published rules ask. Raises NotFound, NotDone."""
    _, kept = result_of(replays, name)
    rows = (
        replays.store.scan(kept, "gate_state")
        .filter(pl.col("record").is_in(list(records)))
        .select("record", "next_step", "unmet", "unmet_published")
        .collect()
    )
    return {row.pop("record"): row for row in rows.to_dicts()}


class AsReplayed:
    """Lists as a draft would have them: at the position of a replay, each record with its gate under the draft."""

    def __init__(self, footing: Footing, replays: Replays, name: str) -> None:
        self._footing = footing
        self._replays = replays
        self.job, self._kept = result_of(replays, name)

    def ask(self, ask: Ask) -> Ask:
        """Return the question as of the position of the replay. Raises InvalidQuery when another moment is asked for."""
        if not ask.horizon.is_now:
            raise InvalidQuery.of(
                "replay", "a replay is of a position of its own; leave as_of and effective_at out"
            )
        return replace(ask, horizon=Horizon(position=self.job.position))

    def beside(self, kind: str, answer: Visible) -> Visible:
        """Return a list whose items say what the draft asks of them for their next step."""
        items = answer.data["items"]
        gates = gate_of(self._replays, self.job.id, (f"{kind}/{item['id']}" for item in items))
        nothing = {"next_step": None, "unmet": None, "unmet_published": None}
        shown = [{**item, "gate": gates.get(f"{kind}/{item['id']}", nothing)} for item in items]
        words = words_of(self._footing, self._replays, self.job)
        ids = {name for gate in gates.values() for side in ("unmet", "unmet_published") for name in gate[side] or ()}  # fmt: skip
        impact = self._replays.store.impact(self._kept)
        more = {
            "items": shown,
            "replay": self.job.id,
            "caveat": impact.get("caveat"),
            "requirement_labels": {name: words.requirement(name) for name in sorted(ids)},
        }
        return words.lens.figures(**{**answer.data, **more})
