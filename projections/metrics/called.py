"""What the values of dimensions are called, in the words of the playbook."""

from collections.abc import Iterable, Mapping

from domain.deadlines.limits import called
from domain.deadlines.limits import named_in as deadlines_of
from domain.labels import Label
from projections.metrics.reading import Reading

PEOPLE = ("owner", "requester", "responder", "person")
"""Dimensions whose values are people."""


def labels_of(reading: Reading, dimension: str) -> Mapping[str, Label]:
    """Return the labels of the values of a dimension: steps, stages, paths, touches, requests, fields, actions, requirements, options, and what is made of work; else none."""
    return {**_labels_of_work(reading, dimension), **_labels_of_selling(reading, dimension)}


def _labels_of_selling(reading: Reading, dimension: str) -> Mapping[str, Label]:
    kind = reading.kind
    match dimension:
        case "step" | "edge_from" | "edge_to":
            return {name: step.label for name, step in kind.steps.items()}
        case "stage":
            return {name: stage.label for name, stage in kind.stages.items()}
        case "path":
            return {name: path.label for name, path in kind.paths.items()}
        case "touch_kind":
            return {name: touch.label for name, touch in kind.touches.items()}
        case "request":
            return {name: request.label for name, request in kind.requests.items()}
        case "field" | "evidence_field":
            return {name: spec.label for name, spec in kind.fields.items()}
        case "action":
            return {
                action: told.label
                for stage in kind.stages.values()
                for actions in (stage.actions, *(node.actions for node in stage.nodes.values()))
                for action, told in actions.items()
            }
        case "requirement":
            return {
                f"{what}:{name}": spec.label
                for name, spec in kind.fields.items()
                for what in ("field", "evidence")
            }
        case _:
            spec = kind.fields.get(dimension.removeprefix("field:"))
            return {} if spec is None else dict(spec.options)


def _labels_of_work(reading: Reading, dimension: str) -> Mapping[str, Label]:
    """A leg, a level or a rule of several forks, chains or pools that is called differently in them has the label of the first."""
    kind, document = reading.kind, reading.document
    match dimension:
        case "template":
            return {name: spec.label for name, spec in kind.work.items()}
        case "role":
            return {name: role.label for name, role in document.roles.items()}
        case "fork_name":
            return {name: fork.label for name, fork in kind.forks.items()}
        case "leg":
            templates = {name: spec.label for name, spec in kind.work.items()}
            return _first({leg: templates[spec.template] for leg, spec in fork.legs.items()} for fork in kind.forks.values())  # fmt: skip
        case "chain":
            return {name: chain.label for name, chain in kind.approvals.items()}
        case "level":
            return _first(
                {name: level.label for name, level in chain.levels.items()}
                for chain in kind.approvals.values()
            )
        case "deadline":
            return {name: told[0] for name in deadlines_of(kind) if (told := called(kind, name)) is not None}
        case "pool":
            return {name: pool.label for name, pool in document.pools.items()}
        case "rule":
            return _first({name: rule.label for name, rule in pool.rules.items()} for pool in document.pools.values())  # fmt: skip
        case "action":
            return {name: action.label for name, action in kind.healthy.items()}
        case "request":
            return {f"work:{name}": spec.label for name, spec in kind.work.items()}
        case _:
            return {}


def _first(found: Iterable[Mapping[str, Label]]) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    for part in found:
        labels = {**part, **labels}
    return labels
