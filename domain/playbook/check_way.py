"""What can be wrong with the way records take: stages and nodes, where they begin, several paths, and the forms along them."""

from collections.abc import Iterator
from dataclasses import replace

from domain.naming import a
from domain.playbook.model import Condition, FieldKind, Form, Gate, Kind, Playbook
from domain.playbook.problems import Place, PlaybookProblem, known, named_once, not_among


def way_problems(kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the stages, nodes and paths of a kind."""
    yield from _ambiguous_steps(kind, here)
    yield from _ambiguous_conditions(kind, here)
    for index, step in enumerate(kind.opens_in):
        yield from _opening(kind, step, (*here, "opens_in", str(index)))
    if kind.stages and not kind.open_stages:
        yield PlaybookProblem(
            (*here, "stages"), "every stage ends the path; at least one must have the outcome 'open'"
        )
    for name, stage in kind.stages.items():
        if stage.nodes and stage.outcome != "open":
            yield PlaybookProblem(
                (*here, "stages", name, "nodes"),
                "a stage that ends the path has no nodes: nothing goes on there",
            )
    for name, path in kind.paths.items():
        place: Place = (*here, "paths", name)
        yield from named_once(path.steps, (*place, "steps"))
        for index, stage_name in enumerate(path.steps):
            yield from known(stage_name, kind.stages, "stage", (*place, "steps", str(index)))
        listed = [kind.stages[stage_name] for stage_name in path.steps if stage_name in kind.stages]
        if listed and all(stage.outcome != "open" for stage in listed):
            yield PlaybookProblem(
                (*place, "steps"), "every stage of this path ends it; at least one must be open"
            )
        on_path = {step.name for step in kind.steps.values() if step.part_of in path.steps}
        for index, step in enumerate(path.opens_in):
            at = (*place, "opens_in", str(index))
            if step in kind.steps and step not in on_path:
                yield PlaybookProblem(at, f"{step!r} does not lie on this path")
            else:
                yield from _opening(kind, step, at)


def form_problems(playbook: Playbook, kind: Kind, form: Form, place: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with one form."""
    yield from named_once(form.stages, (*place, "stages"))
    yield from named_once(form.fields, (*place, "fields"))
    for index, stage in enumerate(form.stages):
        yield from known(stage, {**kind.stages, **kind.steps}, "stage", (*place, "stages", str(index)))
    for index, entry in enumerate(form.fields):
        yield from _entry(playbook, kind, entry, (*place, "fields", str(index)))


def gate_problems(kind: Kind, gate: Gate, place: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with what a gate lists; its rules are checked where they are read."""
    for index, name in enumerate(gate.fields):
        yield from known(name, kind.fields, "field", (*place, "fields", str(index)))
        if name in kind.evidence_fields:
            yield PlaybookProblem(
                (*place, "fields", str(index)), f"{name!r} is evidence; list it under 'evidence'"
            )
    for index, name in enumerate(gate.evidence):
        yield from known(name, kind.evidence_fields, "evidence field", (*place, "evidence", str(index)))


def _entry(playbook: Playbook, kind: Kind, entry: str, place: Place) -> Iterator[PlaybookProblem]:
    reference, dot, name = entry.partition(".")
    yield from known(reference, kind.fields, "field", place)
    spec = kind.fields.get(reference)
    if not dot or spec is None:
        return
    if spec.type is not FieldKind.reference:
        yield PlaybookProblem(
            place, f"{reference!r} is {a(spec.type)} field; only a reference leads to a field of another kind"
        )
        return
    target = playbook.kinds.get(spec.to or "")
    if target is None:
        return  # said where the reference stands
    if name not in target.fields:
        said = not_among(target.fields, name, f"{a(spec.to or '')} has no field {name!r}", place)
        yield replace(said, suggestion=said.suggestion and f"{reference}.{said.suggestion}")
    elif name in target.evidence_fields:
        yield PlaybookProblem(place, f"{name!r} is evidence, which is attached to its own record")


def _opening(kind: Kind, step: str, place: Place) -> Iterator[PlaybookProblem]:
    stage = kind.stages.get(step)
    if stage is not None and stage.nodes:
        yield PlaybookProblem(
            place, f"{step!r} has nodes, and records stand in those; name one", next(iter(stage.nodes))
        )
    else:
        yield from known(step, kind.steps, "stage", place)


def _ambiguous_steps(kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """A record stands in a step by its name alone, so stages and nodes of a kind share their names with nobody."""
    taken: dict[str, Place] = {name: ("stages", name) for name in kind.stages}
    for stage_name, stage in kind.stages.items():
        for name in stage.nodes:
            place: Place = ("stages", stage_name, "nodes", name)
            if name in taken:
                other = (
                    f"a stage is called {name!r}"
                    if len(taken[name]) == 2
                    else f"{taken[name][1]!r} has a node {name!r}"
                )
                yield PlaybookProblem((*here, *place), f"{other} already; each step has a name of its own")
            taken.setdefault(name, place)


def _ambiguous_conditions(kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """A condition is refused, waived and replayed by its name, so one name asks one thing in all gates of a kind."""
    seen: dict[str, Condition] = {}
    for place, _, side, gate in kind.gates:
        for name, condition in gate.conditions.items():
            if seen.setdefault(name, condition) != condition:
                yield PlaybookProblem(
                    (*here, *place, side, "conditions", name),
                    f"another gate has a condition {name!r} that asks something else; give this one a name of its own",
                )
