"""What a new version of a playbook may not take away, and where mappings may lead."""

from collections.abc import Iterator, Mapping
from typing import Any

from domain.facts import Facts
from domain.naming import a
from domain.playbook.catalogue import adoption
from domain.playbook.model import Kind
from domain.playbook.published import KindMappings, PublishedPlaybook
from domain.refusals import Problem, unknown_name


def removals(
    before: Mapping[str, Kind],
    new: PublishedPlaybook,
    mappings: Mapping[str, KindMappings],
    facts: Facts,
) -> Iterator[Problem]:
    """What a new version takes away although records may stand on it, and no mapping says where it goes."""
    for name, kind in before.items():
        kept = new.document.kinds.get(name)
        if kept is None:
            yield Problem(
                f"/kinds/{name}",
                f"the kind {name!r} would disappear with its records; keep it",
                names=(name,),
            )
            continue
        told = mappings.get(name, KindMappings())
        for step in kind.steps:
            if step not in kept.steps and step not in told.stages:
                yield _stranded(facts, name, "stage", step, "map it to another stage")
        for part, spec in kind.fields.items():
            after = kept.fields.get(part)
            if after is None:
                if part not in told.fields:
                    yield _stranded(facts, name, "field", part, "map it to another field, or to null")
                continue
            for option in spec.options:
                if option not in after.options and option not in told.options.get(part, {}):
                    yield _stranded(
                        facts, name, "option", f"{part}/{option}", "map it to another option, or to null"
                    )
        for what, parts, left in (
            ("touch", kind.touches, kept.touches),
            ("relation", kind.relations, kept.relations),
            ("path", kind.paths, kept.paths),
        ):
            for part in parts:
                if part not in left:
                    yield Problem(
                        f"/kinds/{name}/{what}s/{part}".replace("touchs", "touches"),
                        f"the {what} {part!r} would disappear with what records hold; keep it",
                        names=(part,),
                    )


def other_meanings(before: Mapping[str, Kind], new: PublishedPlaybook) -> Iterator[Problem]:
    """What has the name of something an earlier version had, and means something else."""
    for name, kind in before.items():
        kept = new.document.kinds.get(name)
        if kept is None:
            continue
        for part, spec in kind.fields.items():
            if part in kept.fields and _shape(kept.fields[part]) != _shape(spec):
                yield Problem(
                    f"/kinds/{name}/fields/{part}/type",
                    f"the type of the field {part!r} cannot change once it is published; keep it, and give a field of another type another name",
                    names=(part,),
                )
        for part, stage in kind.steps.items():
            if part in kept.steps and kept.steps[part].outcome != stage.outcome:
                yield Problem(
                    f"/kinds/{name}/stages/{part}/outcome",
                    f"the outcome of the stage {part!r} cannot change once it is published; keep it, and give a stage with another outcome another name",
                    names=(part,),
                )


def _stranded(facts: Facts, kind: str, what: str, name: str, advice: str) -> Problem:
    """Say which records a removal would strand; the list is cut, the number is not."""
    standing = facts.standing_on(kind, what, name)
    place = {"stage": "stages", "field": "fields", "option": "fields"}[what]
    pointer = f"/kinds/{kind}/{place}/{name.replace('/', '/options/')}"
    records = "1 record" if standing.count == 1 else f"{standing.count} records"
    held = "no record holds it now" if not standing.count else f"{records} would be stranded"
    return Problem(
        pointer,
        f"the {what} {name.rpartition('/')[2]!r} would disappear: {held}; keep it, or {advice}",
        records=standing.first,
        record_count=standing.count,
        names=(name.rpartition("/")[2],),
    )


def mapping_problems(
    new: PublishedPlaybook, mappings: Mapping[str, KindMappings], earlier: list[PublishedPlaybook]
) -> Iterator[Problem]:
    """Mappings lead from what some version had to what the new one has, and change no meaning on the way."""
    adopts = adoption(new.document.kinds, [*(version.mappings for version in earlier), mappings])
    for name, told in mappings.items():
        kind = new.document.kinds.get(name)
        here = f"/mappings/{name}"
        if kind is None:
            yield unknown_name(here, f"there is no kind {name!r}", name, new.document.kinds)
            continue
        was = [version.document.kinds[name] for version in earlier if name in version.document.kinds]
        reads = adopts.get(name, told)
        for old, to in told.stages.items():
            yield from _mapped(f"{here}/stages/{old}", old, to, "stage", [k.steps for k in was], kind.steps)
            if to in kind.steps and any(
                old in k.steps and k.steps[old].outcome != kind.steps[to].outcome for k in was
            ):
                yield Problem(
                    f"{here}/stages/{old}",
                    f"{to!r} has another outcome than {old!r} had; a record is won, lost or opened again by a move",
                    names=(to, old),
                )
        for old, field in told.fields.items():
            yield from _mapped(
                f"{here}/fields/{old}", old, field, "field", [k.fields for k in was], kind.fields
            )
            for before in was:
                spec = before.fields.get(old)
                if spec is None or field is None or field not in kind.fields:
                    continue
                if _shape(spec) != _shape(kind.fields[field]):
                    yield Problem(
                        f"{here}/fields/{old}",
                        f"{field!r} is of another type than {old!r} was; map it to one of its type, or to null",
                        names=(field, old),
                    )
                if spec.is_personal or kind.fields[field].is_personal:
                    yield Problem(
                        f"{here}/fields/{old}",
                        "personal values are sealed under the name of their field; keep the field and change its label",
                    )
                has = kind.fields[field].options
                for option in spec.options if has else ():
                    if reads.value(old, option) not in (None, *has):
                        yield Problem(
                            f"{here}/fields/{old}",
                            f"{field!r} has no option {option!r}; map it under options/{old}, or to null",
                            names=(field, option),
                        )
        for field_name, options in told.options.items():
            # The options of a field that goes lead to those of the field it becomes.
            left = kind.fields.get(told.fields.get(field_name, field_name) or "")
            specs = [k.fields[field_name] for k in was if field_name in k.fields]
            had = [spec.options for spec in specs]
            if any(spec.is_personal for spec in specs):
                yield Problem(
                    f"{here}/options/{field_name}",
                    "personal values are sealed and nobody rewrites them; keep the options",
                )
            for old, to_option in options.items():
                yield from _mapped(
                    f"{here}/options/{field_name}/{old}",
                    old,
                    to_option,
                    "option",
                    had,
                    left.options if left else {},
                )


def _mapped(
    pointer: str,
    old: str,
    to: str | None,
    what: str,
    had: list[Mapping[str, Any]],
    has: Mapping[str, Any],
) -> Iterator[Problem]:
    if not any(old in names for names in had):
        known = dict.fromkeys(name for names in had for name in names)
        yield unknown_name(pointer, f"no version had {a(what)} {old!r}", old, known)
    elif old in has:
        yield Problem(pointer, f"the {what} {old!r} stays; there is nothing to map", names=(old,))
    if to is not None and to not in has:
        yield unknown_name(pointer, f"there is no {what} {to!r}", to, has)


def roles_gone(before: PublishedPlaybook, new: PublishedPlaybook) -> Iterator[Problem]:
    """Roles a new version takes away although people hold them."""
    for name in before.document.roles:
        if name not in new.document.roles:
            yield Problem(
                f"/roles/{name}",
                f"the role {name!r} would disappear with the people who hold it; keep it",
                names=(name,),
            )


def _shape(spec: Any) -> tuple[Any, ...]:
    return (spec.type, spec.currency, spec.to, spec.value_type.type if spec.value_type else None)
