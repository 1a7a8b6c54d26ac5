"""From rows to commands: what a row says and when it was known, and everything that speaks against a row."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from importing_exports import CRM, CRM_MAPPING, HELPDESK, HELPDESK_MAPPING, Export
from support.memory import MemoryVault

from consumers.importing.cells import Cells, Reasons
from consumers.importing.language import Column
from consumers.importing.mapping import parse_mapping
from consumers.importing.plan import plan_import
from consumers.importing.sources import Content, Row
from consumers.importing.steps import Ids, Origin, Step, in_order
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.model import FieldSpec
from domain.record.commands import ChangeStage, EditFields, OpenRecord, RelateRecord


def day(text):
    """Midnight of a day in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def export(tmp_path) -> Export:
    """A small export of a CRM."""
    return Export(tmp_path)


def of(plan, key):
    """The commands of one row, with their moments."""
    return [(step.command, step.occurred_at) for step in plan.steps if step.origin.key == key]


def reasons(plan):
    """What speaks against each refused row."""
    return {row.key: list(row.reasons) for row in plan.refused}


def test_a_deal_that_is_still_prospecting_began_at_an_unknown_moment(export):
    """Its columns are known all the same: it is the newest thing anybody knows of it."""
    [(opening, at)] = of(export.plan(), "P1")
    assert at is None
    assert (opening.stage, opening.fields, opening.unknown) == (
        "prospecting",
        {"product": "GTX_Pro"},
        frozenset(),
    )


def test_a_natural_key_that_is_personal_stays_out_of_the_log(export):
    """An account known by a person's name keeps an id nobody can read; a company's name may be looked up."""
    assert of(export.plan(), "Acme")[0][0].external_id == "Acme"
    account = CRM.document.kinds["account"]
    personal = account.fields["name"].model_copy(update={"personal": True})
    kind = account.model_copy(update={"fields": {**account.fields, "name": personal}})
    document = CRM.document.model_copy(update={"kinds": {**CRM.document.kinds, "account": kind}})
    export.playbook = replace(CRM, document=document)
    assert of(export.plan(), "Acme")[0][0].external_id is None


def test_a_deal_that_is_engaged_was_opened_there(export):
    """That it was prospecting before is not known and not invented."""
    [(opening, at)] = of(export.plan(), "E1")
    assert (opening.stage, at) == ("engaging", day("2017-01-05"))
    assert opening.fields["product"] == "GTK_500"
    assert str(opening.fields["account"]).startswith("account/acc_")


def test_what_a_closed_deal_holds_is_known_since_it_was_closed(export):
    """At its opening the fields are unknown, which is neither filled nor empty."""
    (opening, opened_at), (move, moved_at) = of(export.plan(), "W1")
    assert (opened_at, moved_at) == (day("2017-01-02"), day("2017-01-31"))
    assert opening.fields == {}
    assert opening.unknown == {"account", "product", "close_value"}
    assert isinstance(move, ChangeStage)
    assert (move.to, set(move.fields), move.fields["close_value"]) == (
        "won",
        {"account", "product", "close_value"},
        "1054",
    )


def test_what_is_empty_at_the_last_moment_is_known_to_be_empty(export):
    """The move tells it, so that it is no longer unknown."""
    _, (move, _) = of(export.deals("W2,Bob,MG Special,,Won,1/2/2017,1/31/2017,").plan(), "W2")
    assert move.fields == {"account": None, "product": "MG_Special", "close_value": None}


def test_values_known_between_two_moves_are_an_edit_of_their_own(export):
    """They are set when they became known, before the move that came later."""
    export.mapping_text = CRM_MAPPING.replace(
        "known_at: [close_date, engage_date]", "known_at: [account]"
    ).replace("account: account\n      product", "product")
    export.deals(
        "W3,Bob,MG Special,1/15/2017,Won,1/2/2017,1/31/2017,5",
        "E3,Bob,MG Special,1/15/2017,Engaging,1/2/2017,,5",
    )
    plan = export.plan()
    assert [(type(command), at) for command, at in of(plan, "W3")] == [
        (OpenRecord, day("2017-01-02")),
        (EditFields, day("2017-01-15")),
        (ChangeStage, day("2017-01-31")),
    ]
    assert [type(command) for command, _ in of(plan, "E3")] == [OpenRecord, EditFields]


def test_commands_come_in_the_order_of_their_moments(export):
    """Unknown moments first, ties as the source has them, and nothing before what it needs."""
    steps = export.plan().steps
    kinds = [type(step.command) for step in steps]
    assert kinds[:2] == [FormTeam, FormTeam]
    assert kinds[2:6] == [AddPerson] * 4
    assert [step.origin.key for step in steps[2:6]] == ["Dora", "Mel", "Ann", "Bob"]
    assert [step.origin.key for step in steps[6:10]] == ["Acme", "Acme Kenya", "P1", "Acme Kenya"]
    assert kinds[9] is RelateRecord
    moments = [step.occurred_at for step in steps[10:]]
    assert None not in moments
    assert moments == sorted(moments)


def test_a_person_who_is_managed_comes_after_the_manager(export):
    """Even where the file says it the other way round, and an agent manages an agent."""
    export.mapping_text = CRM_MAPPING.replace(
        "- {source: sales_teams, key: manager, team: manager, roles: [sales_manager]}\n", ""
    )
    export.write(sales_teams="sales_agent,manager,regional_office\nAnn,Bob,East\nBob,,East\n").deals()
    plan = export.plan()
    assert [step.origin.key for step in plan.steps if isinstance(step.command, AddPerson)] == ["Bob", "Ann"]


def test_a_person_brings_what_a_playbook_may_require(export):
    """An e-mail, and a region where it is not the team's."""
    export.mapping_text = CRM_MAPPING.replace(
        "key: sales_agent, team: manager,", "key: sales_agent, team: manager, email: mail, region: area,"
    )
    plan = export.write(
        sales_teams="sales_agent,manager,regional_office,mail,area\nAnn,Dora,Central,ann@example.com,华东\nBob,Mel,Central,,\n"
    ).plan()
    (ann,), (bob,) = (
        [command for command, _ in of(plan, key) if isinstance(command, AddPerson)] for key in ("Ann", "Bob")
    )
    assert (ann.email, ann.region) == ("ann@example.com", "华东")
    assert (bob.email, bob.region) == (None, None)


def test_a_move_waits_for_the_record_its_fields_lead_to(export):
    """An account whose opening is dated after the deal was won is opened before that all the same."""
    export.mapping_text = CRM_MAPPING.replace(
        "    key: account\n", "    key: account\n    opened_at: {column: office_location, date: M/D/YYYY}\n"
    ).replace("      office_location: office_location\n", "")
    accounts = "account,sector,year_established,revenue,employees,office_location,subsidiary_of\nAcme,retail,1996,1,1,2/1/2017,\n"
    plan = export.write(accounts=accounts).deals("W1,Bob,MG Special,Acme,Won,1/2/2017,1/31/2017,5").plan()
    assert [step.origin.key for step in plan.steps[6:]] == ["W1", "Acme", "W1"]


@given(st.data())
def test_the_order_of_steps_is_a_law(data):
    """Each step comes once, after all it needs; and before another one only if its moment is no later or the other one had to wait."""
    origin = Origin("k", "s", "f", "row 1", "key")
    moments = data.draw(st.lists(st.none() | st.integers(1, 6), max_size=12))
    steps = [
        Step(
            origin, str(index), FormTeam("t", "T"), None if moment is None else datetime(2026, 1, moment, tzinfo=UTC), "a", (str(index),),
            tuple(map(str, data.draw(st.lists(st.sampled_from(range(index)), max_size=2)))) if index else (),
        )
        for index, moment in enumerate(moments)
    ]  # fmt: skip
    steps = data.draw(st.permutations(steps))
    ordered = in_order(steps)
    assert sorted(step.key for step in ordered) == sorted(step.key for step in steps)
    place = {step.key: number for number, step in enumerate(ordered)}
    assert all(place[need] < place[step.key] for step in ordered for need in step.needs)
    free = [step for step in ordered if not step.needs]
    assert free == sorted(
        free, key=lambda step: (step.occurred_at or datetime.min.replace(tzinfo=UTC), steps.index(step))
    )


def test_steps_that_need_each_other_come_last():
    """The log refuses them; the import does not hang."""
    origin = Origin("k", "s", "f", "row 1", "key")
    round_trip = [
        Step(origin, name, FormTeam("t", "T"), None, "a", (name,), (other,)) for name, other in ("ab", "ba")
    ]
    alone = Step(origin, "c", FormTeam("t", "T"), None, "a", ("c",))
    assert in_order([*round_trip, alone]) == [alone, *round_trip]


def test_teams_of_the_same_name_are_numbered(export):
    """They keep their names when more are added later."""
    names = [step.command.name for step in export.plan().steps if isinstance(step.command, FormTeam)]
    assert names == ["Central", "Central 2"]


def test_no_name_becomes_an_id_and_ids_are_the_same_each_time(export, tmp_path):
    """Ids hang on the mapping, the kind and the natural key, and on the secret of the log."""
    first, again = export.plan(), export.plan()
    assert first.steps == again.steps
    assert len({step.key for step in first.steps}) == len(first.steps)
    people = [step.command for step in first.steps if isinstance(step.command, AddPerson)]
    assert all(
        person.person.startswith("person/per_") and person.name not in person.person for person in people
    )
    streams = {command.stream for command, _ in of(first, "W1")}
    assert len(streams) == 1
    assert "W1" not in streams.pop()


def test_the_owner_acts_where_he_is_known_and_else_the_import(export):
    """Nobody is said to have done what nobody knows who did."""
    actors = {step.origin.key: step.actor for step in export.plan().steps}
    assert actors["W1"].startswith("person/per_")
    assert actors["Acme"] == actors["Dora"] == "system/import"


def test_repairs_are_counted_by_rule(export):
    """Each rule with what it replaces."""
    assert export.plan().repairs == {
        "account.sector: 'technolgy' → 'technology'": 1,
        "opportunity.product: 'GTXPro' → 'GTX Pro'": 1,
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "X,Ann,MG Special,Acme,Won,1/2/2017,13/31/2017,5",
            "close_date: '13/31/2017' is not a date in the format M/D/YYYY",
        ),
        (
            "X,Ann,MG Speciall,Acme,Won,1/2/2017,1/3/2017,5",
            "is not under 'options'; did you mean 'MG Special'?",
        ),
        (
            "X,Ann,MG Special,Acne,Won,1/2/2017,1/3/2017,5",
            "account: there is no account 'Acne'; did you mean 'Acme'?",
        ),
        (
            "X,Anne,MG Special,Acme,Won,1/2/2017,1/3/2017,5",
            "there is no person 'Anne' in the organisation; did you mean 'Ann'?",
        ),
        (
            "X,Ann,MG Special,Acme,Win,1/2/2017,1/3/2017,5",
            "the stage 'Win' is not in the mapping; did you mean 'Won'?",
        ),
        ("X,Ann,MG Special,Acme,,1/2/2017,1/3/2017,5", "the stage is empty"),
        ("X,Ann,MG Special,Acme,Won,1/2/2017,1/3/2017,five", "close_value: 'five' is not a number"),
        ("X,Ann,MG Special,Acme,Won,1/2/2017,1/3/2017,5.123", "close_value: '5.123': "),
        (
            "X,Ann,MG Special,Acme,Won,1/2/2017,1/1/2017,5",
            "won: is entered at 2017-01-01T00:00:00.000000Z, before",
        ),
        (",Ann,MG Special,Acme,Won,1/2/2017,1/3/2017,5", "key: the natural key is empty"),
    ],
)
def test_a_row_that_is_wrong_gives_no_command_and_the_others_go_on(export, row, reason):
    """The reason names the column, the text and the nearest valid one."""
    plan = export.deals(row, "E1,Ann,GTK 500,Acme,Engaging,1/5/2017,,").plan()
    [refused] = plan.refused
    assert (refused.file, refused.place) == ("sales_pipeline.csv", "row 1 (line 2)")
    assert reason in "\n".join(refused.reasons)
    assert of(plan, "E1")
    assert not of(plan, "X")


def test_every_reason_against_a_row_is_named(export):
    """Four mistakes, four reasons."""
    plan = export.deals("X,Zoe,MP3,Nobody,Won,1/2,1/3/2017,five").plan()
    assert len(plan.refused[0].reasons) == 5


def test_a_natural_key_that_comes_twice_is_refused_the_second_time(export):
    """It names the row that had it first."""
    plan = export.deals("A,Ann,MG Special,,Prospecting,,,", "A,Bob,MG Special,,Prospecting,,,").plan()
    assert reasons(plan) == {"A": ["the opportunity 'A' is already that of row 1 (line 2)"]}
    assert len(of(plan, "A")) == 1


def test_what_leads_to_a_refused_row_is_refused_too(export):
    """Through any number of steps: the account, its subsidiary, the deal with the subsidiary."""
    export.write(
        accounts="account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
        "Acme,fishing,1996,1,1,US,\nAcme Kenya,retail,2001,1,1,Kenya,Acme\n"
    ).deals("W1,Bob,MG Special,Acme Kenya,Won,1/2/2017,1/31/2017,5")
    plan = export.plan()
    assert reasons(plan)["Acme"] == ["sector: 'fishing': this is not an option of the field"]
    assert reasons(plan)["Acme Kenya"] == ["leads to the account 'Acme', which is refused itself"]
    assert reasons(plan)["W1"] == ["leads to the account 'Acme Kenya', which is refused itself"]


def test_a_person_who_is_given_twice_with_other_values_is_refused(export):
    """The first one counts, and is named."""
    plan = export.write(
        sales_teams="sales_agent,manager,regional_office\nAnn,Dora,East\nAnn,Mel,East\n"
    ).plan()
    assert "the person 'Ann' was given with other values in row 1 (line 2)" in reasons(plan)["Ann"]


# ── event logs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tickets(*events):
    """The plan for traces given as (trace, activity, hour, attributes)."""
    rows = [
        Row(f"event {number}", {
            "case:concept:name": f"Case {trace}", "concept:name": activity, "time:timestamp": f"2012-10-09T{hour:02}:00:00+00:00", **attributes
        }, trace)
        for number, (trace, activity, hour, attributes) in enumerate(events, start=1)
    ]  # fmt: skip
    mapping = parse_mapping(HELPDESK_MAPPING, "m", {"helpdesk": HELPDESK})
    return plan_import(mapping, HELPDESK, {"log": Content("log", "log.xes", rows)}, MemoryVault())


WHO = {"org:resource": "Value 1"}


def test_the_first_activity_opens_and_every_further_one_moves():
    """Also one that follows itself; attributes are set with the activity when they change."""
    plan = tickets(
        (1, "Wait", 1, {**WHO, "service_level": "Value 1", "customer": "Value 7"}),
        (1, "Wait", 2, {**WHO, "service_level": "Value 1"}),
        (1, "Closed", 3, {**WHO, "service_level": "Value 2", "customer": "Value 7"}),
    )
    opening, again, closing = (step.command for step in plan.steps[1:])
    assert opening.stage == "wait"
    assert opening.fields == {"service_level": "value_1", "customer": "Value 7"}
    assert (again.to, again.fields) == ("wait", {})
    assert (closing.to, closing.fields) == ("closed", {"service_level": "value_2"})
    assert all(step.actor.startswith("person/per_") for step in plan.steps[1:])


def test_events_of_all_traces_come_in_the_order_of_their_moments():
    """Ties stay as they stand in the file; a trace that is out of order is put into its own."""
    plan = tickets(
        (1, "Wait", 2, {}), (1, "Closed", 4, {}), (2, "Closed", 3, {}), (2, "Wait", 1, {}), (3, "Wait", 2, {})
    )
    assert [(step.origin.key, step.occurred_at.hour) for step in plan.steps] == [
        ("Case 2", 1), ("Case 1", 2), ("Case 3", 2), ("Case 2", 3), ("Case 1", 4),
    ]  # fmt: skip
    assert isinstance(plan.steps[0].command, OpenRecord)


def test_a_trace_with_one_event_that_is_wrong_is_refused_as_a_whole():
    """Half a ticket would tell a story that did not happen; each reason names its event."""
    plan = tickets(
        (1, "Wait", 1, {"service_level": "Value 9"}),
        (1, "Wiat", 2, {"time:timestamp": "yesterday"}),
        (1, "Closed", 3, {"time:timestamp": ""}),
        (2, "Closed", 3, {}),
    )
    assert [step.origin.key for step in plan.steps] == ["Case 2"]
    found = "\n".join(plan.refused[0].reasons)
    assert "event 1: service_level: 'Value 9' is not under 'options'" in found
    assert "event 2: concept:name: the activity 'Wiat' is not in the mapping; did you mean 'Wait'?" in found
    assert "event 2: time:timestamp: 'yesterday' is not a date in ISO 8601" in found
    assert "event 3: time:timestamp: the event has no moment" in found


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "column", "text", "value"),
    [
        ({"type": "date"}, {"date": "D.M.YYYY"}, "31.1.2017", "2017-01-31"),
        ({"type": "datetime"}, {}, "2017-01-31T08:00:00+08:00", "2017-01-31T00:00:00.000000Z"),
        ({"type": "boolean"}, {"options": {"yes": True, "no": False}}, "yes", True),
        ({"type": "boolean"}, {}, "false", False),
        (
            {"type": "money", "currency": "EUR"},
            {"number": {"decimal": ",", "grouping": "."}},
            "1.250,50",
            "1250.50",
        ),
        ({"type": "email"}, {}, "a@example.com", "a@example.com"),
        ({"type": "text"}, {"empty": ["n/a"]}, "n/a", None),
        ({"type": "text"}, {"repairs": {"x": "n/a"}, "empty": ["n/a"]}, "x", None),
        ({"type": "text"}, {}, " as it stands ", " as it stands "),
    ],
)
def test_a_cell_is_read_as_the_type_of_its_field(field, column, text, value):
    """Repaired first, then empty or not, then read."""
    found: list[str] = []
    spec = FieldSpec.model_validate({"label": {"zh": "值", "en": "Value"}, **field})
    mapping = parse_mapping(HELPDESK_MAPPING, "m", {"helpdesk": HELPDESK})
    cells = Cells(mapping, Ids("m", HELPDESK, MemoryVault()))
    cell = Column.model_validate({"column": "c", **column})
    assert cells.value(spec, cell, Row("row 1", {"c": text}), "log", "x.c", Reasons(found)) == value
    assert not found


def test_several_options_are_cut_at_the_separator():
    """And each of them is an option."""
    option = {"zh": "值", "en": "Value"}
    spec = FieldSpec.model_validate(
        {"type": "choice", "label": option, "options": {"a": option, "b": option}, "choose": {"at_most": 2}}
    )
    mapping = parse_mapping(HELPDESK_MAPPING, "m", {"helpdesk": HELPDESK})
    cells = Cells(mapping, Ids("m", HELPDESK, MemoryVault()))
    column = Column(column="c", separator=";", options={"A": "a", "B": "b"})
    found: list[str] = []
    assert cells.value(spec, column, Row("row 1", {"c": "B;A"}), "log", "x.c", Reasons(found)) == ["b", "a"]
    assert cells.value(spec, column, Row("row 1", {"c": "B;C"}), "log", "x.c", Reasons(found)) is None
    assert "'C' is not under 'options'" in found[0]
