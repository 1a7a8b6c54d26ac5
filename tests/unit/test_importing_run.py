"""The import itself, on the log in memory: nothing twice, nothing half, and a report of everything."""

import json
import re
from collections import Counter

import pytest
from importing_exports import CRM, Export
from rich.console import Console

from consumers.importing import submitting
from consumers.importing.report import ImportRefused, RefusedRow, Report
from domain.events import MoveRefused, RecordOpened, StageChanged
from domain.playbook.model import Right
from infra.cli.import_report import LINES, shown

ORGANISE = frozenset({Right.organise})


@pytest.fixture
def export(tmp_path) -> Export:
    """A small export, and a log with the playbook in force."""
    return Export(tmp_path).publish()


def text_of(report: Report, language: str = "en") -> str:
    """What the terminal shows."""
    console = Console(width=300)
    with console.capture() as capture:
        console.print(shown(report, CRM.document, language))
    return capture.get()


def events_of(export, kind):
    """The events of one type in the log."""
    return [recorded for recorded in export.log.after(0, 10_000) if isinstance(recorded.event, kind)]


def test_everything_is_counted(export):
    """Records, moves, people, repairs, and what was waived by requirement."""
    report = export.run()
    counted = report.to_json()
    assert counted["kinds"] == {
        "account": {"opened": 2, "moves": 0, "re_entries": 0, "field_edits": 0, "relations": 1},
        "opportunity": {"opened": 4, "moves": 2, "re_entries": 0, "field_edits": 2, "relations": 0},
    }
    assert (counted["people"], counted["teams"]) == (4, 2)
    assert counted["rows_read"] == {"accounts": 2, "sales_teams": 2, "pipeline": 4}
    assert counted["waived"] == {"field:product": 2}
    assert counted["repairs"] == {
        "account.sector: 'technolgy' → 'technology'": 1,
        "opportunity.product: 'GTXPro' → 'GTX Pro'": 1,
    }
    assert counted["refused"] == []
    assert (counted["first_position"], counted["last_position"]) == (3, export.log.head())
    assert counted["events"] == export.log.head() - 2
    assert json.loads(json.dumps(counted)) == counted


def test_every_command_carries_where_it_came_from(export):
    """Channel, actor, moment, and the override by name."""
    export.run()
    opened = {recorded.event.external_id: recorded for recorded in events_of(export, RecordOpened)}
    assert opened["W1"].channel == "import"
    assert opened["W1"].actor == opened["W1"].event.owner
    assert opened["W1"].event.override == {"name": "import", "waived": ["field:product"]}
    assert opened["E1"].event.override is None
    assert opened["P1"].occurred_at is None
    assert opened["Acme"].actor == "system/import"


def test_a_second_run_adds_nothing(export):
    """Every command is answered as before."""
    first = export.run()
    head = export.log.head()
    second = export.run()
    assert export.log.head() == head
    assert second.replayed == second.commands == first.commands
    assert (second.events, second.first_position, second.refused) == (0, None, [])
    assert "nothing new" in text_of(second)


def test_an_interruption_loses_nothing(export, monkeypatch):
    """What is there when it comes are whole commands, and the next run goes on."""
    monkeypatch.setattr(submitting, "BATCH", 5)

    def interrupt(done, total):
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.run(progress=interrupt)
    before = export.log.head()
    assert before == 2 + 10
    report = export.run()
    assert report.replayed == 10
    assert export.log.head() == before + report.events
    assert export.run().events == 0


def test_progress_is_told_up_to_the_end(export, monkeypatch):
    """How many of how many."""
    monkeypatch.setattr(submitting, "BATCH", 4)
    told = []
    report = export.run(progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (report.commands, report.commands)
    assert told == sorted(told)


@pytest.mark.parametrize("gate_policy", ["record", "enforce"])
def test_a_row_that_changed_is_left_as_it_is(export, gate_policy):
    """Its later steps are not added either, although they are new; the other rows go on."""
    export.run(gate_policy)
    head = export.log.head()
    export.deals("E1,Ann,GTK 500,Acme,Won,1/5/2017,1/6/2017,5", "N1,Ann,GTK 500,Acme,Engaging,1/7/2017,,")
    report = export.run(gate_policy)
    assert [(row.key, row.place, row.reasons) for row in report.refused] == [
        ("E1", "row 1 (line 2)", ("was imported before with other values",))
    ]
    assert report.kinds["opportunity"].opened == 1
    assert export.log.head() == head + 1


def test_what_leads_to_a_changed_row_still_finds_its_record(export):
    """The account is there, as it was imported before."""
    export.run()
    export.write(accounts=(export.folder / "accounts.csv").read_text().replace("2822", "2823"))
    report = export.deals("N1,Ann,GTK 500,Acme,Engaging,1/7/2017,,").run()
    assert [row.key for row in report.refused] == ["Acme"]
    assert report.kinds["opportunity"].opened == 1


def test_rows_whose_gates_are_not_met_are_refused_under_enforce(export):
    """With everything unmet; the row ends there, and the attempt stays as evidence."""
    report = export.run("enforce")
    assert {row.key: list(row.reasons) for row in report.refused} == {
        "W1": ["opening in engaging: field:product (Product)"],
        "L1": ["opening in engaging: field:product (Product)"],
    }
    assert report.waived == Counter()
    assert report.kinds["opportunity"].opened == 2
    assert len(events_of(export, MoveRefused)) == 2


def test_what_enforce_refused_can_be_recorded_later(export):
    """And what it accepted is not taken for something else, in either order; each combination settles."""
    export.run("enforce")
    report = export.run("record")
    assert report.refused == []
    assert report.kinds["opportunity"].opened == 2
    assert report.kinds["opportunity"].moves == 2
    assert report.waived == {"field:product": 2}
    head = export.log.head()
    assert export.run("record").refused == []
    assert export.run("record").replayed == report.commands
    assert export.log.head() == head


def test_what_was_recorded_is_known_under_enforce(export):
    """A stricter policy later does not refuse what is already there."""
    export.run("record")
    head = export.log.head()
    report = export.run("enforce")
    assert report.refused == []
    assert export.log.head() == head


def test_under_enforce_a_refused_move_ends_its_row(export):
    """Steps that come after it are not tried, so it does not hang on batches what is refused."""
    export.deals("W9,Ann,GTK 500,Acme,Won,1/5/2017,1/5/2017,0")
    report = export.run("enforce")
    [row] = report.refused
    assert row.reasons == ("entering won: condition:value_is_positive (The close value is above zero)",)
    assert len(events_of(export, StageChanged)) == 0


def test_recording_needs_the_right_to_import(export):
    """Clearly, and before anything is written."""
    head = export.log.head()
    with pytest.raises(ImportRefused, match="needs the right 'import'"):
        export.run("record", rights=ORGANISE)
    with pytest.raises(ImportRefused, match="needs the right 'organise'"):
        export.run("record", rights=frozenset({Right.import_data}))
    assert export.log.head() == head
    assert export.run("enforce", rights=ORGANISE).events


def test_every_bad_file_is_named_before_anything_is_written(export):
    """A missing one, and one without a column."""
    (export.folder / "accounts.csv").unlink()
    export.write(
        sales_pipeline="opportunity_id,sales_agent,product,account,deal_stag,engage_date,close_date,close_value\n"
    )
    head = export.log.head()
    with pytest.raises(ImportRefused) as error:
        export.run()
    assert len(error.value.problems) == 2
    assert "accounts.csv: cannot be read" in error.value.problems[0]
    assert "no column 'deal_stage'; did you mean 'deal_stag'?" in error.value.problems[1]
    assert export.log.head() == head


def test_bad_rows_are_reported_and_the_rest_goes_on(export):
    """A cut row, another encoding, a wrong date: all of them, with their places."""
    raw = (export.folder / "sales_pipeline.csv").read_bytes()
    export.write(
        sales_pipeline=raw
        + b"C1,Ann,GTK\nC2,Ann,GTK 500,M\xfc,Prospecting,,,\nC3,Ann,GTK 500,,Engaging,soon,,\n"
    )
    report = export.run()
    assert [(row.key, row.place) for row in report.refused] == [
        ("C1", "row 5 (line 6)"),
        ("C2", "row 6 (line 7)"),
        ("C3", "row 7 (line 8)"),
    ]
    assert report.rows_read["pipeline"] == 7
    assert report.kinds["opportunity"].opened == 4


def test_a_record_whose_playbook_is_not_in_force_is_refused_by_the_log(tmp_path):
    """Publishing is the caller's job; what the log refuses is reported like everything else."""
    report = Export(tmp_path).run()
    assert {row.source for row in report.refused} >= {"accounts", "pipeline"}
    assert report.kinds["account"].opened == 0


def test_long_lists_are_cut_in_text_and_never_in_json():
    """The text says by how much, and where the rest is."""
    report = Report(
        "m",
        CRM.name,
        "record",
        refused=[RefusedRow("s", "f.csv", f"row {n}", f"k{n}", ["no"]) for n in range(LINES + 312)],
    )
    assert "… and 312 more, see --report FILE" in text_of(report)
    assert len(report.to_json()["refused"]) == LINES + 312


def test_a_text_of_the_export_is_never_taken_for_markup(export):
    """Brackets in a natural key stand for themselves."""
    report = export.deals("[bold]X,Zoe,MG Special,,Prospecting,,,").run()
    assert "[bold]X" in text_of(report)


def test_a_report_is_told_in_chinese_as_well(export):
    """Sentences, titles, and kinds under the names of the playbook; it was English for everybody."""
    told = text_of(export.deals("C1,Zoe,MG Special,,Prospecting,,,").run(), "zh")
    assert "读入" in told
    assert "个事件，位置 3 至" in told
    for label in ("新建", "阶段变更", "其中再次进入", CRM.document.kinds["opportunity"].label.zh):
        assert label in told
    titles = told.split("1 行被拒绝：")[0]
    assert not re.search(r"\b(rows?|events?|position|people|teams?|opened|moves|read|refused)\b", titles)
