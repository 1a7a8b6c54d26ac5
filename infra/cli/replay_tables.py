"""How replays look on a terminal. Only what has passed the lens is printed."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console, Group, RenderableType

from infra.cli.render import PlainTable, plain
from infra.cli.replay_words import say
from infra.http.language import Language
from infra.report.words import duration, moment, points, program_for, reason, side, told, where, why
from projections.lens import Visible
from projections.replay.subject import CHANGES

MOST_ROWS = 12
"""How many rows of a table the terminal shows; all of them are in `--json` and in the report."""

SHORT = 12
"""How much of a replay's id is enough to name it."""

_COUNTS = ("newly_refused", "newly_allowed", "not_judgeable")


def impact_shown(
    visible: Visible, out: Console, language: str, tenant: str | None = None, *, with_draft: bool = True
) -> None:
    """Print a replay: the law first, then what the draft says otherwise, what changes by rule, step and person, how long, what cannot be judged, and the indices.

    The commands it ends with name the `tenant`, so that they find the replay when they are copied.
    `with_draft=False` leaves out what the draft says otherwise than the version it was compared with.
    """
    program = program_for(tenant)
    data, spoken = visible.data, language_of(language)
    impact = data["impact"]
    if impact is None:
        out.print(replays_shown_of([data], language))
        if data["failure"] is not None:
            out.print(plain(f"{data['failure']['reason']}: {data['failure']['message']}"))
        return
    _law(impact["law"], out, spoken)
    totals = impact["totals"]
    changed = totals["newly_refused"] + totals["newly_allowed"]
    out.print(
        say(
            "changes",
            spoken,
            playbook=told(data["playbook_label"], data["playbook"], spoken),
            changed=changed,
            **totals,
        )
    )
    out.print(_window(data["recorded"], spoken), style="dim", markup=False)
    if with_draft:
        for shown in _draft(data["changes"], spoken):
            out.print(shown)
    for part in (_rules, _edges, _people, _unknown, _indices):
        for shown in part(impact, spoken):
            out.print(shown)
    if data["scope"]:
        out.print(say("no index", spoken), style="dim")
    for subject in impact["subjects"]:
        subject_shown(subject, data["id"], out, spoken, program)
    caveat = impact["caveat"]
    spelled = caveat[spoken] if isinstance(caveat, Mapping) else str(caveat)
    out.print(plain(spelled), style="dim")
    out.print(say("nothing live", spoken, program=program, id=data["id"][:SHORT]), style="dim", markup=False)


def _draft(changes: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    """What the draft says otherwise than the version in force: each place with the labels that lead there, old beside new."""
    version = changes["playbook_version"]
    if not changes["items"]:
        yield plain(say("no changes", spoken, version=version))
        return
    title = say("all is new", spoken) if version is None else say("draft against", spoken, version=version)
    rows = [
        (
            say(f"part {change['part']}", spoken),
            where(change, spoken),
            *(side(change, which, spoken) or "–" for which in ("before", "after")),
        )
        for change in changes["items"]
    ]
    yield from _table(title, ("about", "place", "says now", "says draft"), rows, spoken, words=4)


def _window(recorded: Mapping[str, Any], spoken: Language) -> str:
    """When what is judged was recorded; a window that begins with the log reaches no further back, whatever was asked for."""
    text = say("window", spoken, first=moment(recorded["from"]), last=moment(recorded["to"]))
    if not recorded["begins_with_log"]:
        return text
    return text + say("log began", spoken, began=moment(recorded["log_began"]))


def _law(law: Mapping[str, Any], out: Console, spoken: Language) -> None:
    erased = say("erased", spoken, count=law["erased"]) if law["erased"] else ""
    told_of = say(
        "reproduces", spoken, reproduced=law["reproduced"], decisions=law["decisions"], erased=erased
    )
    out.print(told_of, style="bold")
    if different := law["different"]:
        out.print(say("different", spoken, count=len(different), position=different[0]), style="red")


def _rules(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    rows = [
        (
            told(row["label"], row["requirement"], spoken), row["requirement"], say(row["verdict"], spoken), f"{row['decisions']:,}",
            f"{row['records']:,}", f"{row['people']:,}", duration(row["delayed_median_seconds"], spoken), f"{row['never'] or 0:,}",
        )
        for row in impact["rules"]
    ]  # fmt: skip
    columns = (
        "requirement",
        "id",
        "verdict",
        "decisions",
        "records",
        "people",
        "delayed by (median)",
        "never met",
    )
    return _table(say("rules", spoken), columns, rows, spoken, words=3)


def _edges(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    rows = [
        (
            told(row["before_label"], row["before"] or say("opening", spoken), spoken),
            told(row["after_label"], row["after"], spoken),
            *(f"{row[count]:,}" for count in _COUNTS),
        )
        for row in impact["edges"]
        if any(row[count] for count in _COUNTS)
    ]
    return _table(say("edges", spoken), ("from", "to", *_COUNTS), rows, spoken, words=2)


def _people(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    rows = [
        (
            row["owner_name"] or row["owner"] or say("nobody", spoken),
            *(f"{row[count]:,}" for count in _COUNTS),
        )
        for row in impact["people"]
    ]
    columns = ("who answers for the record", *_COUNTS)
    return _table(say("people of decisions", spoken), columns, rows, spoken, words=1)


def _unknown(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    rows = [
        (told(row["label"], row["requirement"], spoken), why(row["why"], spoken), f"{row['decisions']:,}")
        for row in impact["not_judgeable"]
    ]
    columns = ("requirement", "why", "decisions")
    return _table(say("not_judgeable", spoken), columns, rows, spoken, words=2)


def _indices(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    """One table an index: the values that move most, of all periods."""
    for name in dict.fromkeys(index["index"] for index in impact["indices"]):
        periods = [index for index in impact["indices"] if index["index"] == name]
        movers = [(index["period"], mover) for index in periods for mover in index["movers"]]
        movers.sort(key=lambda found: -abs(float(found[1]["delta"] or 0)))
        changed, cells = (sum(index[count] for index in periods) for count in ("changed", "cells"))
        rows = [
            (
                period or "",
                _cell(mover["cell"], spoken),
                *(
                    points(mover[side]) if mover[side] is not None else say("unknown", spoken)
                    for side in ("before", "after")
                ),
                points(mover["delta"], signed=True) if mover["delta"] is not None else "",
                "; ".join(reason(item, spoken) for item in mover["reasons"]),
            )
            for period, mover in movers
        ]
        label = told(periods[0]["label"], name, spoken)
        most = say("those that move most", spoken) if changed else ""
        yield plain(say("index", spoken, label=label, changed=changed, cells=cells) + most)
        columns = ("period", "whose", "before", "after", "change", "because of")
        yield from _table("", columns, rows, spoken, words=2, left=changed - min(changed, MOST_ROWS))


def subject_shown(
    subject: Mapping[str, Any], replay: str, out: Console, spoken: Language, program: str = "dealtrail"
) -> None:
    """Print what a replay says of deadlines, approvals, assignment or reactions: its law, what changes by rule and by person, and why."""
    name, law, totals = subject["name"], subject["law"], subject["totals"]
    erased = say("erased", spoken, count=law["erased"]) if law["erased"] else ""
    out.print()
    out.print(
        say(
            "law of subject",
            spoken,
            subject=say(name, spoken),
            reproduced=law["reproduced"],
            decisions=law["decisions"],
            erased=erased,
        ),
        style="bold",
    )
    if different := law["different"]:
        out.print(say("different", spoken, count=len(different), position=different[0]), style="red")
    out.print(say("changes of subject", spoken, **totals))
    counts = ("was", "would", "gone", "new", "changed", "not_judgeable")
    rules = [
        (told(row["label"], row["name"], spoken), *(f"{row[count]:,}" for count in counts))
        for row in subject["rules"]
    ]
    people = [
        (
            row["person_name"] or row["person"] or say("nobody", spoken),
            f"{row['was']:,}",
            f"{row['would']:,}",
            f"{row['would'] - row['was']:+,}".replace("-", "−"),
        )
        for row in subject["people"]
        if row["was"] != row["would"]
    ]
    whys = [(why(row["why"], spoken), f"{row['count']:,}") for row in subject["why"]]
    for columns, rows in (
        (("name", *counts), rules),
        (("person", "was", "would", "change"), people),
        (("why", "of"), whys),
    ):
        for shown in _table("", columns, rows, spoken, words=1):
            out.print(shown)
    if any(totals[verdict] for verdict in CHANGES):
        out.print(
            say("list subject", spoken, program=program, id=replay[:SHORT], name=name),
            style="dim",
            markup=False,
        )


def subject_cases_shown(visible: Visible, language: str) -> RenderableType:
    """Show rows of a subject, one a line."""
    data, spoken = visible.data, language_of(language)
    table = PlainTable()
    for name in ("position", "at", "record", "name", "verdict", "person was", "person would", "was", "would", "why"):  # fmt: skip
        table.add_column(
            say(name, spoken), justify="right" if name == "position" else "left", overflow="fold"
        )
    for row in data["items"]:
        table.add_row(
            f"{row['position']:,}" if row["position"] is not None else "",
            (row["at"] or "")[:16].replace("T", " "),
            row["record_name"] or row["record"],
            row["name"],
            say(row["verdict"], spoken),
            row["person_was_name"] or row["person_was"] or "",
            row["person_would_name"] or row["person_would"] or "",
            row["was"] or "",
            row["would"] or "",
            why(row["why"], spoken) if row["why"] else "",
        )
    more = say("next page", spoken, cursor=data["next"]) if data["next"] else ""
    return Group(
        table, plain(say("how many", spoken, shown=len(data["items"]), total=data["total"], more=more))
    )


def _cell(cell: Any, spoken: Language) -> str:
    if not isinstance(cell, Mapping):
        return str(cell)
    named = {name: value for name, value in cell.items() if value is not None and name != "owner_name"}
    named.pop("team_name", None)
    for what in ("owner", "team"):
        if cell.get(f"{what}_name"):
            named[what] = cell[f"{what}_name"]
    return ", ".join(str(value) for value in named.values()) or say("all", spoken)


def language_of(language: str) -> Language:
    """Return the language a report is worded in for whoever speaks one."""
    return "zh" if language == "zh" else "en"


def _table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    spoken: Language,
    *,
    words: int,
    left: int | None = None,
) -> Iterable[RenderableType]:
    """A table of what there is; the first columns hold words, the others figures."""
    if not rows:
        return
    table = PlainTable(title=title or None, title_justify="left")
    for number, column in enumerate(columns):
        is_last_of_words = column == "because of"
        table.add_column(
            say(column, spoken),
            justify="left" if number < words or is_last_of_words else "right",
            overflow="fold",
        )
    for row in rows[:MOST_ROWS]:
        table.add_row(*row)
    yield table
    more = max(len(rows) - MOST_ROWS, 0) if left is None else left
    if more:
        where = say("in the dataset" if left is not None else "in json", spoken)
        yield plain(say("more rows", spoken, count=more, where=where))


def replays_shown(visible: Visible, language: str) -> RenderableType:
    """Show replays, one a line."""
    return replays_shown_of(visible.data["items"], language)


def replays_shown_of(items: Sequence[Mapping[str, Any]], language: str) -> RenderableType:
    """Show replays, one a line."""
    table, spoken = PlainTable(), language_of(language)
    for name in ("id", "state", "playbook", "draft", "decisions after", "up to", "log at", "asked (UTC)"):
        is_figure = name in ("draft", "decisions after", "up to", "log at")
        table.add_column(say(name, spoken), justify="right" if is_figure else "left")
    for item in items:
        progress = item["progress"]
        state = say(item["state"], spoken)
        if item["state"] == "running" and progress["of"]:
            left = duration(progress["eta_seconds"], spoken)
            state += say("how far", spoken, done=progress["done"], of=progress["of"], left=left)
        table.add_row(
            item["id"][:SHORT],
            state,
            item["playbook"],
            say("file", spoken) if item["draft"] is None else str(item["draft"]),
            f"{item['window']['after']:,}",
            f"{item['window']['upto']:,}",
            f"{item['position']:,}",
            item["asked_at"][:16].replace("T", " "),
        )
    return table


def decisions_shown(visible: Visible, language: str) -> RenderableType:
    """Show decisions, one a line."""
    data, spoken = visible.data, language_of(language)
    table = PlainTable()
    for name in ("position", "record", "move", "verdict", "requirements", "owner", "delayed by"):
        is_figure = name == "position"
        table.add_column(say(name, spoken), justify="right" if is_figure else "left", overflow="fold")
    for row in data["items"]:
        before = told(row["before_label"], row["before"] or say("opening", spoken), spoken)
        late = say("never", spoken) if row["never"] else duration(row["delayed_seconds"], spoken) if row["delayed_seconds"] is not None else ""  # fmt: skip
        table.add_row(
            f"{row['position']:,}",
            row["record_name"] or row["record"],
            f"{before} → {told(row['after_label'], row['after'], spoken)}",
            say(row["verdict"], spoken),
            ", ".join(told(row["labels"][name], name, spoken) for name in row["requirements"]),
            row["owner_name"] or row["owner"] or say("nobody", spoken),
            late,
        )
    more = say("next page", spoken, cursor=data["next"]) if data["next"] else ""
    return Group(
        table, plain(say("how many", spoken, shown=len(data["items"]), total=data["total"], more=more))
    )


def comparison_shown(visible: Visible, out: Console, language: str) -> None:
    """Print what was forecast beside what happened: refusals per hundred decisions, per requirement."""
    data, spoken = visible.data, language_of(language)
    version, position = data["playbook_version"], data["published_position"]
    out.print(
        say("in force since", spoken, playbook=data["playbook"], version=version, position=position),
        markup=False,
    )
    table = PlainTable()
    for name in ("requirement", "forecast", "per 100", "of", "actual", "per 100", "of", "held up: forecast", "actual"):  # fmt: skip
        is_word = name == "requirement"
        table.add_column(say(name, spoken), justify="left" if is_word else "right", overflow="fold")
    for row in data["requirements"]:
        sides = []
        held = []
        for came in (row["forecast"], row["actual"]):
            if came is None:
                sides += [say("unknown", spoken), "", ""]
                held.append("")
            else:
                sides += [
                    f"{came['refused']:,}",
                    came["rate_percent"] or say("unknown", spoken),
                    f"{came['decisions']:,}",
                ]
                held.append(duration(came["held_up_median_seconds"], spoken))
        table.add_row(told(row["label"], row["requirement"], spoken), *sides, *held)
    out.print(table)
    for shown in _indices_compared(data["indices"] or (), spoken):
        out.print(shown)
    if data["forecast"] is None:
        out.print(say("no forecast", spoken))
    out.print(plain(data["note"][spoken]), style="dim")


def _indices_compared(rows: Sequence[Mapping[str, Any]], spoken: Language) -> Iterable[RenderableType]:
    """One row an index and period: how many values differ from the forecast and by how much; then the values that differ most."""
    columns = ("index name", "period", "was over", "compared", "differ", "on average", "at most", "forecast unknown", "actual unknown")  # fmt: skip
    told_of = [
        (
            told(row["label"], row["index"], spoken),
            row["period"],
            say("yes" if row["was_over"] else "no", spoken),
            f"{row['compared']:,}",
            f"{row['differ']:,}",
            *(_points(row[figure], spoken) for figure in ("mean_difference", "largest_difference")),
            f"{row['forecast_unknown']:,}",
            f"{row['actual_unknown']:,}",
        )
        for row in rows
    ]
    yield from _table(say("indices compared", spoken), columns, told_of, spoken, words=3)
    most = [(row, cell) for row in rows for cell in row["most"]]
    most.sort(key=lambda found: -abs(Decimal(found[1]["difference"])))
    cells = [
        (
            told(row["label"], row["index"], spoken),
            row["period"],
            _cell(cell["cell"], spoken),
            points(cell["forecast"]),
            points(cell["actual"]),
            points(cell["difference"], signed=True),
        )
        for row, cell in most
    ]
    of_cells = ("index name", "period", "whose", "forecast", "actual", "change")
    yield from _table(say("indices that differ most", spoken), of_cells, cells, spoken, words=3)


def _points(figure: str | None, spoken: Language) -> str:
    return say("unknown", spoken) if figure is None else points(figure)
