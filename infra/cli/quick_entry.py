"""The verb of quick entry: which presets there are, and one of them noted for a record."""

import json as jsonlib
from dataclasses import replace
from typing import Annotated

import typer

from commands.http.answers import content_of
from domain.labels import Label
from domain.naming import split_stream
from domain.playbook.model import FieldKind, Kind
from domain.record.commands import Progress
from domain.refusals import GateNotMet
from infra.cli.reading import JSON
from infra.cli.render import PlainTable, plain
from infra.cli.session import Session, session_of
from infra.cli.words import word


def progress(
    context: typer.Context,
    record: Annotated[
        str,
        typer.Argument(metavar="KIND/ID", help="Which record: opportunity/opp_1, or opportunities/opp_1."),
    ],
    preset: Annotated[
        str | None,
        typer.Argument(help="The preset, as the playbook names it. Left out: show which there are."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A field the preset asks for; several options with commas."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="What came of it.")] = None,
    contact: Annotated[str | None, typer.Option(metavar="KIND/ID", help="With whom.")] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=ID", help="A piece the preset asks for, by its id; it is attached already."
        ),
    ] = None,
    person: Annotated[
        str | None, typer.Option("--for", metavar="PERSON", help="Whose word it is, as person/per_….")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, where the record moves back.")] = None,
    json: JSON = False,
) -> None:
    """Note a progress with one preset: a touch, fields and a move together, or nothing of it."""
    session = session_of(context)
    with session.tenant() as tenant:
        stream = tenant.reads.named(record)
        name, _ = split_stream(stream)
        kind = tenant.reads.playbooks().for_kind(name).kind(name)
        if preset is None:
            session.out.print(_presets(kind, session.language))
            return
        given = {of: _value(kind, of, text) for of, text in _pairs("--field", field).items()}
        pieces = _pairs("--evidence", evidence)
        command = Progress(stream, preset, given, note, contact, pieces)
        submission = session.submission(tenant, command, reason=reason)
        if person is not None:
            # Who acts for somebody has that person's rights and no others.
            submission = replace(submission, on_behalf_of=person, rights=frozenset())
        try:
            answer = tenant.bus.submit(submission)
        except GateNotMet as refused:
            _say_what_is_missing(session, kind, refused)
            raise typer.Exit(1) from None
    if json:
        content = content_of(answer, command, made=None, is_simulated=tenant.log.is_simulated)
        typer.echo(jsonlib.dumps(content, ensure_ascii=False))
        return
    for event in answer.events:
        session.out.print(plain(f"{event.position:,}  {event.event.TOPIC}"))
    if not answer.events:
        session.out.print(plain(word("nothing new", session.language)))


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise typer.BadParameter(f"write {option} NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _value(kind: Kind, name: str, text: str) -> object:
    """What a word of the command line stands for in a field; the command says what is wrong with it."""
    spec = kind.fields.get(name)
    if spec is not None and spec.type is FieldKind.boolean and text in ("true", "false"):
        return text == "true"
    if spec is not None and spec.choose is not None and spec.choose.at_most > 1:
        return [part for part in text.split(",") if part]
    return text


def _presets(kind: Kind, language: str) -> PlainTable:
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for column in ("preset", "what", "asks for", "why"):
        table.add_column(word(column, language), overflow="fold")
    for name, preset in kind.progress.items():
        asked = [_said(kind.fields[of].label, language) for of in (*preset.asks, *preset.evidence)]
        asked += [word("note", language)] if preset.note_asked else []
        why = "–" if preset.why is None else _said(preset.why, language)
        table.add_row(name, _said(preset.label, language), ", ".join(asked) or "–", why)
    return table


def _say_what_is_missing(session: Session, kind: Kind, refused: GateNotMet) -> None:
    step = _said(kind.steps[refused.to_stage].label, session.language)
    session.err.print(plain(f"{step}: {word('missing', session.language)}"))
    for item in refused.unmet:
        why = "" if item.why is None else f" — {_said(item.why, session.language)}"
        session.err.print(plain(f"  {_said(item.label, session.language)} ({item.id}){why}"))


def _said(label: Label, language: str) -> str:
    return label.zh if language == "zh" else label.en
