"""What older records say where a version of a playbook has another name for it: counts ask the read models, which keep what was said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from domain.playbook.model import Kind
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook


def recorded_steps(kind: Kind, told: KindMappings, holds: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the steps whose outcome is asked for: by the names they have, and by those that are gone and were mapped to one of them."""
    named = [name for name, step in kind.steps.items() if holds(step.outcome)]
    gone = [old for old, now in sorted(told.stages.items()) if now in named and old not in kind.steps]
    return (*named, *gone)


def ended(outcome: str) -> bool:
    """Tell whether a record whose step has this outcome is on its way no longer."""
    return outcome != "open"


def ended_steps(version: PublishedPlaybook, kind: str) -> frozenset[str]:
    """Return in which steps a record of a kind has ended, as a version reads it; none where it has no such kind."""
    if kind not in version.document.kinds:
        return frozenset()
    told = version.adopts.get(kind, NOTHING_MAPPED)
    return frozenset(recorded_steps(version.document.kinds[kind], told, ended))


@dataclass(frozen=True, slots=True)
class RecordedField:
    """A choice field: the name it has, then those it had, and by name where its options went that are gone (None: nowhere).

    A record says what it says under the first of these names it holds; under an old one only where that is still an option.
    """

    names: tuple[str, ...]
    options: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, told: KindMappings) -> "RecordedField":
        """Return a field as the records hold it that a version reads."""
        names = (name, *(old for old, now in sorted(told.fields.items()) if now == name and old != name))
        return cls(names, {held: dict(told.options[held]) for held in names if held in told.options})
