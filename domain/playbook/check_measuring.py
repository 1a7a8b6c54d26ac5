"""What can be wrong with what a playbook measures: actions nobody could see, requests without an answer, indices of nothing."""

from collections.abc import Iterable, Iterator

from domain.naming import a
from domain.playbook.measuring import (
    Acceptance,
    Action,
    Component,
    Freshness,
    Happening,
    Healthy,
    Index,
    Penetration,
    Period,
    Proving,
    Response,
    Touching,
)
from domain.playbook.model import FieldKind, Kind, Playbook
from domain.playbook.problems import Place, PlaybookProblem, known, named_once

ANY_TOUCH = "any"
_SEEN = ("touch", "evidence", "field", "enters")


def action_problems(playbook: Playbook, kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the prescribed actions of a kind."""
    seen: dict[str, Action] = {}
    for place, step, name, action in kind.prescribed:
        at: Place = (*here, *place, "actions", name)
        yield from _happening(kind, action.done, (*at, "done"))
        if action.done.enters == step:
            yield PlaybookProblem(
                (*at, "done", "enters"), "whoever stands here has come in already; this would always be done"
            )
        if action.role is not None:
            yield from known(action.role, playbook.roles, "role", (*at, "role"))
        # Actions are counted by their name, so one name asks one thing in all steps of a kind.
        if seen.setdefault(name, action) != action:
            yield PlaybookProblem(
                at,
                f"another step has an action {name!r} that is something else; give this one a name of its own",
            )


def request_problems(kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the requests of a kind."""
    for name, request in kind.requests.items():
        at: Place = (*here, "requests", name)
        yield from _happening(kind, request.asked, (*at, "asked"))
        yield from _happening(kind, request.answered, (*at, "answered"))
        if request.asked == request.answered:
            yield PlaybookProblem(
                (*at, "answered"), "what is asked is its own answer; say what the other side does"
            )


def index_problems(playbook: Playbook, index: Index, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with one index."""
    yield from known(index.kind, playbook.kinds, "kind", (*here, "kind"))
    kind = playbook.kinds.get(index.kind)
    if kind is not None:
        for name, component in index.components.items():
            yield from _component(playbook, kind, index, component, (*here, "components", name))
        yield from _stuck(kind, index, (*here, "stuck"))
    starts: dict[object, str] = {}
    for name, band in index.bands.items():
        if band.at_least in starts:
            yield PlaybookProblem(
                (*here, "bands", name, "at_least"),
                f"the band {starts[band.at_least]!r} starts at {band.at_least} already",
            )
        starts.setdefault(band.at_least, name)
    for name, cap in index.caps.items():
        at: Place = (*here, "caps", name)
        yield from known(cap.component, index.components, "component", (*at, "component"))
        if cap.below == 0:
            yield PlaybookProblem((*at, "below"), "no score is below 0; this cap would never hold")


def _happening(kind: Kind, happening: Happening, here: Place) -> Iterator[PlaybookProblem]:
    """A happening is something that can be seen in the events of a record; good intentions cannot."""
    given = [member for member in _SEEN if getattr(happening, member) is not None]
    if len(given) != 1:
        said = "; of these only one" if given else ", so that the events show whether it was done"
        yield PlaybookProblem(
            (*here, given[1]) if given else here,
            f"say what happens by one of 'touch', 'evidence', 'field' and 'enters'{said}",
        )
    if happening.touch is not None and (happening.touch != ANY_TOUCH or not kind.touches):
        yield from known(
            happening.touch, (*kind.touches, ANY_TOUCH) if kind.touches else (), "touch", (*here, "touch")
        )
    if happening.evidence is not None:
        yield from known(happening.evidence, kind.evidence_fields, "evidence field", (*here, "evidence"))
    if happening.enters is not None:
        yield from _step(kind, happening.enters, (*here, "enters"))
    if happening.field is not None:
        yield from _field(kind, happening.field, (*here, "field"))
    if happening.one_of:
        yield from _options(kind, happening, (*here, "one_of"))


def _options(kind: Kind, happening: Happening, here: Place) -> Iterator[PlaybookProblem]:
    if happening.field is None:
        yield PlaybookProblem(here, "'one_of' lists options of a 'field'; there is none")
        return
    yield from named_once(happening.one_of, here)
    spec = kind.fields.get(happening.field)
    if spec is None or spec.type is FieldKind.evidence:
        return  # said where the field stands
    if spec.type is not FieldKind.choice:
        yield PlaybookProblem(
            here, f"'one_of' belongs to a choice; {happening.field!r} is {a(spec.type)} field"
        )
        return
    if spec.is_personal:
        yield PlaybookProblem(here, f"{happening.field!r} is personal; nothing is counted by its values")
    for index, option in enumerate(happening.one_of):
        yield from known(option, spec.options, "option", (*here, str(index)))


def _field(kind: Kind, name: str, here: Place) -> Iterator[PlaybookProblem]:
    yield from known(name, kind.fields, "field", here)
    if name in kind.evidence_fields:
        yield PlaybookProblem(here, f"{name!r} is evidence; it is attached, not filled in")


def _step(kind: Kind, name: str, here: Place) -> Iterator[PlaybookProblem]:
    stage = kind.stages.get(name)
    if stage is not None and stage.nodes:
        yield PlaybookProblem(
            here, f"{name!r} has nodes, and records stand in those; name one", next(iter(stage.nodes))
        )
    else:
        yield from known(name, kind.steps, "stage", here)


def _component(
    playbook: Playbook, kind: Kind, index: Index, component: Component, here: Place
) -> Iterator[PlaybookProblem]:
    if index.stuck is not None and isinstance(component, Penetration | Response | Healthy):
        yield PlaybookProblem(
            (*here, "measure"),
            f"'{component.measure}' is measured by period, and an index of stuck records looks at the last days of their owner;"
            " freshness, touches, evidence and acceptance can be measured so",
        )
    match component:
        case Penetration():
            if not any(True for _ in kind.prescribed):
                yield PlaybookProblem(
                    here, f"no stage of {index.kind!r} has 'actions'; nothing would be measured"
                )
        case Response():
            yield from _named(component.requests, kind.requests, "request", (*here, "requests"))
            yield from _named(component.work, kind.work, "work template", (*here, "work"))
            if not kind.requests and not component.work:
                yield PlaybookProblem(here, f"{index.kind!r} has no 'requests'; nothing would be measured")
            if playbook.calendar is None:
                yield PlaybookProblem(
                    here,
                    "responses are measured in business time, which needs the 'calendar' of the playbook",
                )
        case Healthy():
            yield from _named(component.actions, kind.healthy, "healthy action", (*here, "actions"))
            if not kind.healthy:
                yield PlaybookProblem(
                    here, f"{index.kind!r} has no 'healthy' actions; nothing would be measured"
                )
        case Freshness():
            yield from named_once(component.fields, (*here, "fields"))
            for number, name in enumerate(component.fields):
                yield from _field(kind, name, (*here, "fields", str(number)))
        case Touching():
            yield from _named(component.touches, kind.touches, "touch", (*here, "touches"))
            if not kind.touches:
                yield PlaybookProblem(here, f"{index.kind!r} has no 'touches'; nothing would be measured")
        case Proving():
            yield from _named(component.evidence, kind.evidence_fields, "evidence field", (*here, "evidence"))
            if not kind.evidence_fields:
                yield PlaybookProblem(
                    here, f"{index.kind!r} has no evidence fields; nothing would be measured"
                )
        case Acceptance():
            yield from named_once(component.into, (*here, "into"))
            for number, name in enumerate(component.into):
                yield from _step(kind, name, (*here, "into", str(number)))
            if not kind.stages:
                yield PlaybookProblem(here, f"{index.kind!r} has no stages; nothing would be measured")


def _named(names: tuple[str, ...], valid: Iterable[str], what: str, here: Place) -> Iterator[PlaybookProblem]:
    yield from named_once(names, here)
    valid = tuple(valid)
    for index, name in enumerate(names):
        yield from known(name, valid, what, (*here, str(index)))


def _stuck(kind: Kind, index: Index, here: Place) -> Iterator[PlaybookProblem]:
    if index.stuck is None:
        return
    yield from named_once(index.stuck.steps, (*here, "steps"))
    for number, name in enumerate(index.stuck.steps):
        at = (*here, "steps", str(number))
        yield from _step(kind, name, at)
        if name in kind.steps and kind.steps[name].outcome != "open":
            yield PlaybookProblem(at, f"{name!r} ends the path; no record is stuck there")
    if index.period is not Period.month:
        yield PlaybookProblem(
            (*here[:-1], "period"), "an index of stuck records speaks of the moment asked; it has no 'period'"
        )
