"""What can be wrong with quick entry: presets that say nothing, know values their fields do not take, or lead nowhere."""

from collections.abc import Iterator

from domain.playbook.fields import FieldKind, FieldSpec
from domain.playbook.formats import refuse_unfit
from domain.playbook.model import Kind
from domain.playbook.problems import Place, PlaybookProblem, known, named_once
from domain.playbook.quick_entry import Fixed, Preset
from domain.values import ValueRefused, store

_ASKED_EACH_TIME = frozenset({FieldKind.person, FieldKind.reference})


def progress_problems(kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the presets of a kind."""
    for name, preset in kind.progress.items():
        yield from _preset(kind, preset, (*here, "progress", name))


def _preset(kind: Kind, preset: Preset, here: Place) -> Iterator[PlaybookProblem]:
    if preset.touch is None and not preset.fields and not preset.asks and preset.to is None:
        yield PlaybookProblem(here, "nothing would come of this: give it a touch, fields, or a step (to)")
    if preset.touch is not None:
        yield from known(preset.touch, kind.touches, "kind of touch", (*here, "touch"))
    if preset.note_asked and preset.touch is None:
        yield PlaybookProblem(
            (*here, "note_asked"), "a note stands with a touch: say which (touch), or ask for a text field"
        )
    for name, value in preset.fields.items():
        yield from _fixed(kind, name, value, (*here, "fields", name))
    writable = [name for name, spec in kind.fields.items() if spec.type is not FieldKind.evidence]
    yield from named_once(preset.asks, (*here, "asks"))
    for index, name in enumerate(preset.asks):
        place = (*here, "asks", str(index))
        if name in kind.evidence_fields:
            yield PlaybookProblem(
                place, f"{name!r} holds evidence, which is attached before; list it under 'evidence'"
            )
        else:
            yield from known(name, writable, "field", place)
        if name in preset.fields:
            yield PlaybookProblem(
                place, f"the preset knows the value of {name!r} already; ask for it, or leave it in 'fields'"
            )
    yield from named_once(preset.evidence, (*here, "evidence"))
    for index, name in enumerate(preset.evidence):
        yield from known(name, kind.evidence_fields, "evidence field", (*here, "evidence", str(index)))
    if preset.to is not None:
        yield from _step(kind, preset.to, (*here, "to"))


def _fixed(kind: Kind, name: str, value: Fixed, here: Place) -> Iterator[PlaybookProblem]:
    spec = kind.fields.get(name)
    if spec is None:
        yield from known(name, kind.fields, "field", here)
    elif spec.type is FieldKind.evidence:
        yield PlaybookProblem(
            here, f"{name!r} holds evidence, which is attached before; list it under 'evidence'"
        )
    elif spec.type in _ASKED_EACH_TIME:
        yield PlaybookProblem(
            here, f"a playbook names no {spec.type}: list {name!r} under 'asks', so that whoever taps says it"
        )
    else:
        yield from _value(spec, value, here)


def _value(spec: FieldSpec, value: Fixed, here: Place) -> Iterator[PlaybookProblem]:
    value_type, choose = spec.value_type, spec.choose
    assert value_type is not None
    raw = list(value) if isinstance(value, tuple) else value
    try:
        stored = store(
            value_type,
            raw,
            at_least=choose.at_least if choose else 0,
            at_most=choose.at_most if choose else None,
        )
        refuse_unfit(spec, stored)
    except ValueRefused as refused:
        yield PlaybookProblem(here, str(refused), refused.suggestion)
        return
    if stored in ("", []):
        yield PlaybookProblem(here, "a preset writes something; an empty value would clear the field")


def _step(kind: Kind, step: str, here: Place) -> Iterator[PlaybookProblem]:
    if step in kind.stages and kind.stages[step].nodes:
        first = next(iter(kind.stages[step].nodes))
        yield PlaybookProblem(here, f"{step!r} has nodes, and a record stands in one of them; name it", first)
    else:
        yield from known(step, kind.steps, "step", here)
