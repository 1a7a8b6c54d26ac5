"""From what was measured to an index: scores from 0 to 100, their weighted mean, caps and bands. Everything is exact until it is rounded once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from domain.playbook.measuring import (
    Acceptance,
    Component,
    Freshness,
    Healthy,
    Index,
    Penetration,
    Proving,
    Response,
    Touching,
)
from projections.metrics.merging import rounded

_FULL = Fraction(100)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a component came from: a part of a whole, a sum over cases, or a plain number; `judged` is how many cases it rests on.

    Without anything judged it is unknown, and `figure` is None.
    """

    figure: Fraction | None
    judged: int


UNKNOWN = Measured(None, 0)


@dataclass(frozen=True, slots=True)
class Scored:
    """A component of one value of an index: the score, the figure it came from, and its share of the weight, in percent.

    An unknown component has no score and no weight. `exact` is the score before it is rounded.
    """

    measured: Decimal | None
    judged: int
    score: Decimal | None
    weight_percent: Decimal | None
    exact: Fraction | None


@dataclass(frozen=True, slots=True)
class IndexValue:
    """One value of an index: null when it is unknown; its band; the cap that lowered it; whether penetration is broken; and its components."""

    value: Decimal | None
    band: str | None
    capped_by: str | None
    broken: bool
    components: Mapping[str, Scored]


def score_of(component: Component, measured: Measured) -> Fraction | None:
    """Turn what was measured into a score from 0 to 100; unknown stays unknown."""
    figure = measured.figure
    if figure is None:
        return None
    match component:
        case Penetration() | Acceptance() | Healthy():
            return figure
        case Freshness(full_at_percent=full_at):
            return min(_FULL, 100 * figure / Fraction(full_at))
        case Touching(target=target) | Proving(target=target):
            return min(_FULL, 100 * figure / Fraction(target))
        case Response():
            return _response(component, figure)
    raise TypeError(component)


def _response(component: Response, mean_seconds: Fraction) -> Fraction:
    baseline = Fraction(component.baseline_hours) * 3_600
    over_percent = 100 * (mean_seconds - baseline) / baseline
    if over_percent <= 0:
        return _FULL
    steps = over_percent / Fraction(component.step_percent)
    if component.step == "full":
        steps = Fraction(floor(steps))
    elif component.step == "started":
        steps = Fraction(ceil(steps))
    return max(Fraction(0), _FULL - Fraction(component.points) * steps)


def index_value(index: Index, measured: Mapping[str, Measured]) -> IndexValue:
    """Make one value of an index of what its components were measured at."""
    scores = {name: score_of(component, measured[name]) for name, component in index.components.items()}
    weights = {
        name: Fraction(component.weight)
        for name, component in index.components.items()
        if scores[name] is not None
    }
    total = sum(weights.values(), Fraction(0))
    components = {
        name: Scored(
            measured=rounded(measured[name].figure),
            judged=measured[name].judged,
            score=rounded(score),
            weight_percent=rounded(100 * weights[name] / total) if name in weights else None,
            exact=score,
        )
        for name, score in scores.items()
    }
    broken = any(
        isinstance(component, Penetration)
        and component.broken_below is not None
        and (score := components[name].score) is not None
        and score < component.broken_below
        for name, component in index.components.items()
    )
    if not total:
        return IndexValue(None, None, None, broken, components)
    weighted = sum(
        (weights[name] * score for name, score in scores.items() if score is not None), Fraction(0)
    )
    value, capped_by = _capped(index, rounded(weighted / total), components)
    return IndexValue(value, _band(index, value), capped_by, broken, components)


def _capped(
    index: Index, value: Decimal | None, components: Mapping[str, Scored]
) -> tuple[Decimal | None, str | None]:
    """Apply the lowest cap whose component scores below its mark. What people see decides: the rounded score, the rounded value."""
    capped_by = None
    for name, cap in index.caps.items():
        score = components[cap.component].score
        if score is not None and score < cap.below and value is not None and cap.at_most < value:
            value, capped_by = rounded(Fraction(cap.at_most)), name
    return value, capped_by


def _band(index: Index, value: Decimal | None) -> str | None:
    """Name the highest band that begins at or below a value."""
    if value is None:
        return None
    reached = [(band.at_least, name) for name, band in index.bands.items() if band.at_least <= value]
    return max(reached, key=lambda found: found[0])[1] if reached else None
