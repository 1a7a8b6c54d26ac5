"""The page about metrics: each contract as a section."""

from collections.abc import Iterator

from infra.reference.wording import doc, table
from projections.metrics.asking import DIMENSIONS
from projections.metrics.contract import (
    Count,
    Frame,
    Mean,
    Metric,
    Number,
    Only,
    Parameter,
    Quantile,
    Records,
    Several,
    Share,
    Sum,
)
from projections.metrics.periods import EXPECTED
from projections.metrics.registry import METRICS


def metrics() -> str:
    """Every metric with its contract."""
    lines = [
        "# Metrics",
        "",
        "Each metric has a contract: what a case is, what counts as what, and what is unknown. Every number opens to its cases, and there are as many as it says.",
        "Names are those of the playbook in force (where no scope says otherwise) at the position asked, through its mappings; *now* is when the event at that position was recorded.",
        "Counts are whole numbers, shares and means exact decimals with six places, rounded half-even. Of nothing they are unknown, never 0.",
        "Changing what a metric means raises the version of its contract.",
        "",
        "## What can be asked",
        "",
        f"**Period**: {EXPECTED}; half-open, in the zone of the playbook. Without one all cases count, those at an unknown moment too.",
        "",
        "**Dimensions**, to slice by and to limit to: as of the position of the case; of what says how it stands, as of the position asked. None is a cell of its own.",
        "",
        *table(("dimension", "meaning"), _dimensions()),
    ]
    for metric in METRICS.values():
        lines += _metric(metric)
    return "\n".join(lines)


def _dimensions() -> Iterator[tuple[str, str]]:
    for name, meaning in DIMENSIONS.items():
        yield f"`{name}`", meaning
    yield (
        "`field:NAME`",
        "the value of a field that holds one option, yes or no, or a person, and is not personal",
    )


def _metric(metric: Metric) -> list[str]:
    rows = [
        ("version", metric.version),
        ("axis", metric.axis.en),
        ("a case", metric.unit.en),
        ("what is running", metric.running.en),
        ("owner, team and region", metric.team.en),
        ("time", metric.calendar.en),
        ("rates are among", metric.denominator.en),
        ("unknown", metric.nulls.en),
    ]
    lines = [
        f"## `{metric.name}`",
        "",
        f"{metric.label.en} · {metric.label.zh}. {metric.meaning.en}",
        "",
        *table(("contract", ""), rows),
    ]
    if metric.parameters:
        lines += table(("parameter", "meaning", "default"), map(_parameter, metric.parameters))
    for frame in metric.frames:
        lines += _frame(frame)
    return lines  # fmt: skip


def _parameter(parameter: Parameter) -> tuple[str, str, str]:
    options = f" ({', '.join(f'`{option}`' for option in parameter.options)})" if parameter.options else ""
    default = (
        "required"
        if parameter.required
        else "see there"
        if parameter.default is None
        else f"`{parameter.default}`"
    )
    return f"`{parameter.name}`", parameter.meaning.en + options, default


def _frame(frame: Frame) -> list[str]:
    head = f"Numbers over cases of the variant `{frame.variant}`" if frame.variant else "Numbers over cases"
    own = [f"`{name}` ({label.en} · {label.zh})" for name, label in frame.dimensions.items()]
    lines = [f"{head}: {frame.case}." + (f" Own dimensions: {', '.join(own)}." if own else ""), ""]
    rows = [
        (f"`{number.name}`", f"{number.label.en} · {number.label.zh}", _made_of(number))
        for number in frame.numbers
    ]
    return [*lines, *table(("number", "label", "made of"), rows)]


def _made_of(number: Number) -> str:
    match number:
        case Count(where=None):
            return "all cases"
        case Count(where=where):
            return f"cases that are `{where}`"
        case Records(where=where, every=every):
            which = f"with a case that is `{where}`" if where else "with a case"
            return f"different records {which}" + (f", all of them `{every}`" if every else "")
        case Sum(column=column, where=where, one=one):
            return f"sum of `{column}` over cases that are `{where}`" + (
                f"; unknown for several of `{one}`" if one else ""
            )
        case Several(column=column):
            return f"whether there are several of `{column}`"
        case Only(column=column):
            return f"the `{column}`; unknown for several"
        case Share(part=part, whole=whole):
            return f"`{part}` among `{whole}`"
        case Mean(column=column, judged=judged):
            return f"mean of `{column}` over `{judged}`"
        case Quantile(column=column, percent=percent, judged=judged):
            return f"the smallest `{column}` that {percent} % of `{judged}` do not exceed"
    raise TypeError(doc(number))  # fmt: skip
