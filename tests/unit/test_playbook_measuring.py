"""What a playbook measures: every problem at its place and with the nearest name, and calendars that are explicit once read."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from support.given import PLAYBOOKS
from support.measured_playbook import TEXT as MEASURED

from commands.http.playbooks import JSON
from commands.http.playbooks import read_playbook as read_body
from commands.playbook_file import FileRefused, parse_playbook, read_playbook
from domain.playbook.measuring import Happening
from domain.playbook.model import Kind, Playbook
from domain.playbook.publish import digest
from domain.playbook.published import PublishedPlaybook

ROOT = Path(__file__).parents[2]
SHIPPED = ("smart_hardware", "smart_hardware.stricter-gate.draft", "parts_manufacturer")

TEXT = """\
playbook: machines
label: {zh: 机器, en: Machines}
time_zone: Asia/Shanghai
calendar:
  hours: {mon: [09:00-12:00, 13:30-18:00], sat: [10:00-12:00]}
  first_year: 2025
  last_year: 2026
  days_off: [2025-05-06]
  working_days: [2025-05-10]
roles:
  seller: {label: {zh: 销售, en: Seller}}
kinds:
  customer:
    label: {zh: 客户, en: Customer}
    collection: customers
    prefix: cus
  deal:
    label: {zh: 单, en: Deal}
    collection: deals
    prefix: dea
    fields:
      amount: {type: number, label: {zh: 数, en: Amount}}
      reason: {type: choice, label: {zh: 因, en: Reason}, options: {cost: {zh: 价, en: Cost}, time: {zh: 时, en: Time}}}
      mood: {type: choice, personal: true, label: {zh: 情, en: Mood}, options: {good: {zh: 好, en: Good}}}
      deck: {type: evidence, label: {zh: 纸, en: Deck}}
    touches:
      visit: {label: {zh: 访, en: Visit}}
    requests:
      deck: {label: {zh: 要, en: Deck}, asked: {enters: quoted}, answered: {evidence: deck}}
    stages:
      lead:
        label: {zh: 线索, en: Lead}
        actions:
          visited: {label: {zh: 访, en: Visited}, done: {touch: visit}, within_hours: 24, role: seller}
      offer:
        label: {zh: 案, en: Offer}
        nodes:
          costed: {label: {zh: 核, en: Costed}}
          quoted:
            label: {zh: 价, en: Quoted}
            actions:
              reasoned: {label: {zh: 因, en: Reasoned}, done: {field: reason, one_of: [cost]}}
      won: {label: {zh: 赢, en: Won}, outcome: won}
indices:
  phi:
    label: {zh: 指, en: Phi}
    kind: deal
    components:
      penetration: {measure: penetration, label: {zh: 透, en: P}}
      response: {measure: response, label: {zh: 应, en: R}, requests: [deck]}
      freshness: {measure: freshness, label: {zh: 鲜, en: F}, fields: [amount, reason]}
    bands:
      red: {label: {zh: 红, en: Red}}
      green: {label: {zh: 绿, en: Green}, at_least: 80}
    caps:
      undone: {label: {zh: 少, en: Undone}, component: penetration, below: 40, at_most: 59}
  stuck:
    label: {zh: 滞, en: Stuck}
    kind: deal
    stuck: {steps: [quoted], longer_than_days: 5}
    components:
      visits: {measure: touches, label: {zh: 访, en: V}, touches: [visit], target: 8}
      decks: {measure: evidence, label: {zh: 案, en: D}, evidence: [deck], target: 4}
      accepted: {measure: acceptance, label: {zh: 过, en: A}, into: [won]}
      fresh: {measure: freshness, label: {zh: 鲜, en: F}, fields: [amount]}
"""


def changed(*changes: tuple[str, str]) -> str:
    text = TEXT
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


def problem_of(text: str) -> tuple[int, int, str, str | None]:
    """The one problem of a text."""
    with pytest.raises(FileRefused) as refused:
        parse_playbook(text, "machines.yaml")
    (found,) = refused.value.problems
    return found.line, found.column, found.message, found.suggestion


def place_of(text: str, mark: str) -> tuple[int, int]:
    before = text[: text.index(mark)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def without(text: str, first: str, until: str) -> str:
    return text[: text.index(first)] + text[text.index(until) :]


def test_the_example_is_sound():
    """Every case below changes one thing in it."""
    found = parse_playbook(TEXT, "machines.yaml").document
    assert len(list(found.kinds["deal"].prescribed)) == 2
    assert parse_playbook(MEASURED, "measured.yaml").document.calendar is not None


# ── happenings, actions, requests ────────────────────────────────────────────────────────────────────────────────────

VISITED, REASONED = "{touch: visit}", "{field: reason, one_of: [cost]}"


@pytest.mark.parametrize(
    ("old", "new", "mark", "message", "suggestion"),
    [
        (VISITED, "{}", "{}", "say what happens by one of 'touch', 'evidence', 'field' and 'enters', so that the events show", None),
        (VISITED, "keep in touch", "keep in", "members are expected here, such as touch, evidence, field, one_of, enters", None),
        (VISITED, "{touch: visit, evidence: deck}", "deck}, within", "say what happens by one of 'touch', 'evidence', 'field' and 'enters'; of these only one", None),
        (VISITED, "{touch: vist}", "vist", "there is no touch 'vist'", "visit"),
        (VISITED, "{evidence: amount}", "amount}, within", "there is no evidence field 'amount'", None),
        (VISITED, "{evidence: dekc}", "dekc", "there is no evidence field 'dekc'", "deck"),
        (VISITED, "{field: amuont}", "amuont", "there is no field 'amuont'", "amount"),
        (VISITED, "{field: deck}", "deck}, within", "'deck' is evidence; it is attached, not filled in", None),
        (VISITED, "{enters: quotd}", "quotd", "there is no stage 'quotd'", "quoted"),
        (VISITED, "{enters: offer}", "offer}, within", "'offer' has nodes, and records stand in those; name one", "costed"),
        (VISITED, "{enters: lead}", "lead}, within", "whoever stands here has come in already; this would always be done", None),
        (VISITED, "{field: amount, one_of: [cost]}", "[cost]}, within", "'one_of' belongs to a choice; 'amount' is a number field", None),
        (VISITED, "{touch: visit, one_of: [cost]}", "[cost]}, within", "'one_of' lists options of a 'field'; there is none", None),
        (VISITED, "{field: mood, one_of: [good]}", "[good]", "'mood' is personal; nothing is counted by its values", None),
        (VISITED, "{touch: visit, often: yes}", "often", "there is no member 'often' here", None),
        (REASONED, "{field: reason, one_of: [costs]}", "costs", "there is no option 'costs'", "cost"),
        (REASONED, "{field: reason, one_of: [cost, cost]}", "cost]}}\n      won", "'cost' is named twice", None),
        ("role: seller", "role: sellr", "sellr", "there is no role 'sellr'", "seller"),
        ("within_hours: 24", "within_hours: 0", "0, role", "Input should be greater than 0", None),
        ("reasoned: {label: {zh: 因, en: Reasoned}", "visited: {label: {zh: 因, en: Reasoned}", "{label: {zh: 因, en: Reasoned}", "another step has an action 'visited' that is something else; give this one a name of its own", None),
        ("answered: {evidence: deck}", "answered: {enters: quoted}", "{enters: quoted}}", "what is asked is its own answer; say what the other side does", None),
        ("asked: {enters: quoted}", "asked: {enters: quote}", "quote}", "there is no stage 'quote'", "quoted"),
        (", answered: {evidence: deck}", "", "{label: {zh: 要, en: Deck}", "the member 'answered' is missing", None),
    ],
)  # fmt: skip
def test_what_nobody_could_see_is_refused(old, new, mark, message, suggestion):
    """An action is something the events show: with its place, its reason and the nearest name."""
    text = changed((old, new))
    line, column, said, hint = problem_of(text)
    assert said.startswith(message)
    assert ((line, column), hint) == (place_of(text, mark), suggestion)


def test_any_touch_needs_a_way_of_being_in_touch():
    """Where a kind knows none, nobody can be in touch in any of them."""
    text = without(TEXT, "    touches:\n", "    requests:\n").replace(VISITED, "{touch: any}")
    text = text.replace(
        "      visits: {measure: touches, label: {zh: 访, en: V}, touches: [visit], target: 8}\n", ""
    )
    assert problem_of(text)[2] == "there is no touch 'any'; there is none to name"
    assert parse_playbook(changed((VISITED, "{touch: any}")), "machines.yaml")


def test_the_same_action_may_be_prescribed_twice():
    """One name, one thing: in whichever step."""
    action = "visited: {label: {zh: 访, en: Visited}, done: {touch: visit}, within_hours: 24, role: seller}"
    twice = changed(
        ("reasoned: {label: {zh: 因, en: Reasoned}, done: {field: reason, one_of: [cost]}}", action)
    )
    assert parse_playbook(twice, "machines.yaml")


# ── indices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PENETRATION = "{measure: penetration, label: {zh: 透, en: P}}"
MEASURES = "penetration, response, freshness, touches, evidence, acceptance"


@pytest.mark.parametrize(
    ("old", "new", "mark", "message", "suggestion"),
    [
        ("kind: deal\n    components", "kind: deals\n    components", "deals\n    comp", "there is no kind 'deals'", "deal"),
        ("measure: penetration", "measure: penetrate", "penetrate", f"'penetrate' is none of {MEASURES}", "penetration"),
        ("{measure: penetration, ", "{", "{label: {zh: 透", f"the member 'measure' is missing: {MEASURES}", None),
        (PENETRATION, "yes", "yes\n", "members are expected here, such as label, why, weight, measure", None),
        (PENETRATION, "{measure: penetration, label: {zh: 透, en: P}, countd: records}", "countd", "there is no member 'countd' here", "counted"),
        (PENETRATION, "{measure: penetration, label: {zh: 透, en: P}, counted: recrds}", "recrds", "'recrds' is none of actions, records", "records"),
        (PENETRATION, "{measure: penetration, label: {zh: 透, en: P}, weight: 0}", "0}\n      resp", "Input should be greater than 0", None),
        ("requests: [deck]", "requests: [dek]", "dek", "there is no request 'dek'", "deck"),
        ("fields: [amount, reason]", "fields: [amount, reasn]", "reasn", "there is no field 'reasn'", "reason"),
        ("fields: [amount, reason]", "fields: [amount, deck]", "deck]}\n    bands", "'deck' is evidence; it is attached, not filled in", None),
        ("fields: [amount, reason]", "fields: [amount, amount]", "amount]}\n    bands", "'amount' is named twice", None),
        ("fields: [amount, reason]", "fields: []", "[]", "Tuple should have at least 1 item after validation, not 0", None),
        ("at_least: 80", "at_least: 0", "0}\n    caps", "the band 'red' starts at 0 already", None),
        ("at_least: 80", "at_least: 101", "101", "Input should be less than or equal to 100", None),
        ("component: penetration", "component: penetation", "penetation", "there is no component 'penetation'", "penetration"),
        ("below: 40", "below: 0", "0, at_most", "no score is below 0; this cap would never hold", None),
        ("evidence: [deck], target", "evidence: [1deck], target", "1deck", "'1deck' is not a name: letters, digits and underscores, not beginning with a digit", None),
        ("touches: [visit]", "touches: [visits]", "visits]", "there is no touch 'visits'", "visit"),
        ("evidence: [deck], target", "evidence: [amount], target", "amount], target", "there is no evidence field 'amount'", None),
        ("into: [won]", "into: [one]", "one]}\n      fresh", "there is no stage 'one'", "won"),
        ("into: [won]", "into: [offer]", "offer]}\n      fresh", "'offer' has nodes, and records stand in those; name one", "costed"),
        ("steps: [quoted]", "steps: [won]", "won], long", "'won' ends the path; no record is stuck there", None),
        ("steps: [quoted]", "steps: [quoted, quoted]", "quoted], long", "'quoted' is named twice", None),
        ("stuck: {steps", "period: week\n    stuck: {steps", "week", "an index of stuck records speaks of the moment asked; it has no 'period'", None),
        ("{measure: touches, label: {zh: 访, en: V}, touches: [visit], target: 8}", "{measure: penetration, label: {zh: 访, en: V}}", "penetration, label: {zh: 访", "'penetration' is measured by period", None),
        ("{measure: touches, label: {zh: 访, en: V}, touches: [visit], target: 8}", "{measure: response, label: {zh: 访, en: V}}", "response, label: {zh: 访", "'response' is measured by period", None),
    ],
)  # fmt: skip
def test_an_index_of_nothing_is_refused(old, new, mark, message, suggestion):
    """A component is one of several parts: members, places and suggestions are those of the part its measure names."""
    text = changed((old, new))
    line, column, said, hint = problem_of(text)
    assert said.startswith(message)
    assert ((line, column), hint) == (place_of(text, mark), suggestion)


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ("{measure: penetration}", "no stage of 'customer' has 'actions'; nothing would be measured"),
        ("{measure: response}", "'customer' has no 'requests'; nothing would be measured"),
        ("{measure: touches, target: 1}", "'customer' has no 'touches'; nothing would be measured"),
        ("{measure: evidence, target: 1}", "'customer' has no evidence fields; nothing would be measured"),
        ("{measure: acceptance}", "'customer' has no stages; nothing would be measured"),
    ],
)
def test_a_component_whose_kind_has_nothing_of_it_is_refused(component, message):
    """It would be unknown for ever."""
    of_customers = component.replace("}", ", label: {zh: 分, en: C}}")
    index = (
        f"  empty: {{label: {{zh: 空, en: Empty}}, kind: customer, components: {{one: {of_customers}}}}}\n"
    )
    assert problem_of(TEXT + index)[2] == message


def test_responses_need_a_calendar():
    """They are measured in business time, and there is none without it."""
    assert "needs the 'calendar'" in problem_of(without(TEXT, "calendar:\n", "roles:\n"))[2]


# ── the calendar ─────────────────────────────────────────────────────────────────────────────────────────────────────

MONDAY = "mon: [09:00-12:00, 13:30-18:00]"


@pytest.mark.parametrize(
    ("old", "new", "mark", "message", "suggestion"),
    [
        (MONDAY, "mon: [09:00-12:00, 11:59-18:00]", "11:59", "11:59-18:00 overlaps 09:00-12:00", None),
        (MONDAY, "mon: [12:00-09:00]", "12:00", "12:00-09:00 ends before it begins; past midnight it is two days", None),
        (MONDAY, "mon: [12:00-12:00]", "12:00", "12:00-12:00 ends before it begins", None),
        (MONDAY, "mon: [9-12]", "9-12", "'9-12' is not a stretch of working time, as 09:00-12:00", None),
        (MONDAY, "mond: [09:00-12:00]", "mond", "'mond' is none of mon, tue, wed, thu, fri, sat, sun", "mon"),
        (f"{{{MONDAY}, sat: [10:00-12:00]}}", "{mon: []}", "{mon: []}", "nobody works in this week; give at least one day some hours", None),
        ("last_year: 2026", "last_year: 2024", "2024", "the calendar would end in 2024, before its first year", None),
        ("last_year: 2026", "last_year: 2075", "2075", "a calendar covers at most 50 years", None),
        ("days_off: [2025-05-06]", "days_off: [2027-05-06]", "2027-05-06", "2027-05-06 lies outside the years 2025 to 2026", None),
        ("days_off: [2025-05-06]", "days_off: [2025-05-06, 2025-05-06]", "2025-05-06]", "'2025-05-06' is named twice", None),
        ("days_off: [2025-05-06]", "days_off: [2025-05-10]", "2025-05-10]\nroles", "2025-05-10 is a day off as well; leave one of them out", None),
        ("days_off: [2025-05-06]", "days_off: [1746489600]", "1746489600", "a day is written as 2026-02-17", None),
        ("days_off: [2025-05-06]", "days_off: [2025-05-06T00:00:00Z]", "2025-05-06T", "a day is written as 2026-02-17", None),
        ("days_off: [2025-05-06]", "days_off: ['2025-02-30']", "'2025-02-30'", "Input should be a valid date", None),
        ("days_off: [2025-05-06]", "offsets: [['9999-12-31T23:59:59-23:59', 0]]", "['9999", "the first offset is that at the beginning of 2025", None),
        ("days_off: [2025-05-06]", "holidays: china", "china", "'china' is not a country by its ISO code, as CN, or a part of one, as DE-BY", None),
        ("days_off: [2025-05-06]", "holidays: NO", "NO", "YAML reads this as true or false; put it in quotes", None),
        ("days_off: [2025-05-06]", "holidays: XX", "XX", "the holidays of 'XX' are not known", None),
        ("days_off: [2025-05-06]", "holidays: DE-THX", "DE-THX", "the holidays of 'THX' in 'DE' are not known", "DE-TH"),
        ("days_off: [2025-05-06]", "offsets: [[yesterday, 0]]", "[yesterday", "an offset begins at a moment", None),
        ("days_off: [2025-05-06]", "offsets: [['2024-12-31T16:00:00Z', 90000]]", "['2024", "an offset is at most 18 hours", None),
        ("days_off: [2025-05-06]", "offsets: [['2023-12-31T16:00:00Z', 28800]]", "['2023", "the first offset is that at the beginning of 2025", None),
        ("days_off: [2025-05-06]", "offsets: [['2024-12-31T16:00:00Z', 0], ['2024-12-31T16:00:00Z', 1]]", "['2024-12-31T16:00:00Z', 1]", "offsets stand in the order of their moments", None),
    ],
)  # fmt: skip
def test_a_calendar_that_cannot_be_is_refused(old, new, mark, message, suggestion):
    text = changed((old, new))
    line, column, said, hint = problem_of(text)
    assert said.startswith(message)
    assert ((line, column), hint) == (place_of(text, mark), suggestion)


def calendar_of(text: str):
    found = parse_playbook(text, "machines.yaml").document.calendar
    assert found is not None
    return found


def test_holidays_are_looked_up_when_the_file_is_read():
    """Public holidays, the Saturdays and Sundays that make up for them, and the offset of the zone: explicit days from then on."""
    found = calendar_of(
        changed(("days_off: [2025-05-06]", "holidays: CN"), ("  working_days: [2025-05-10]\n", ""))
    )
    assert date(2026, 2, 17) in found.days_off
    assert date(2026, 2, 14) in found.working_days
    assert {day.year for day in (*found.days_off, *found.working_days)} == {2025, 2026}
    assert found.offsets == (("2024-12-31T16:00:00Z", 28_800),)
    assert list(found.days_off) == sorted(set(found.days_off))


def test_what_the_author_says_of_a_day_is_right():
    """A company that works on a holiday, and is free on a make-up day."""
    own = "holidays: CN\n  days_off: [2026-02-14]"
    found = calendar_of(changed(("days_off: [2025-05-06]", own), ("[2025-05-10]", "[2026-02-17]")))
    assert date(2026, 2, 14) in found.days_off
    assert date(2026, 2, 14) not in found.working_days
    assert date(2026, 2, 17) in found.working_days
    assert date(2026, 2, 17) not in found.days_off
    assert date(2026, 2, 18) in found.days_off


def test_the_changes_of_the_clocks_are_looked_up_to_the_second():
    found = calendar_of(changed(("Asia/Shanghai", "Europe/Berlin")))
    assert found.offsets == (
        ("2024-12-31T23:00:00Z", 3_600),
        ("2025-03-30T01:00:00Z", 7_200),
        ("2025-10-26T01:00:00Z", 3_600),
        ("2026-03-29T01:00:00Z", 7_200),
        ("2026-10-25T01:00:00Z", 3_600),
    )


def test_an_explicit_calendar_is_taken_as_it_is():
    """A country whose table says otherwise today changes nothing any more."""
    explicit = "offsets: [['2024-12-31T16:00:00Z', 28800]]\n  holidays: CN\n  days_off: [2025-05-06]"
    found = calendar_of(changed(("days_off: [2025-05-06]", explicit)))
    assert found.days_off == (date(2025, 5, 6),)


# ── what is published ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SHIPPED)
def test_what_was_read_once_stays_what_it_is(name, monkeypatch):
    """As JSON, from the log, and read again as the body of a request: the same document, and nothing is looked up."""
    read = read_playbook(ROOT / "playbooks" / f"{name}.yaml")
    text = json.dumps(read.document_json, ensure_ascii=False)

    def nobody(*_, **__):
        raise AssertionError("something was looked up")

    monkeypatch.setattr("holidays.country_holidays", nobody)
    again = read_body(text.encode(), JSON)
    rules = dict(read.rules_json)
    from_the_log = PublishedPlaybook.from_published(json.loads(text), rules, 1, 1)
    assert digest(read) == digest(again) == digest(from_the_log)
    assert from_the_log.document == again.document == read.document
    assert read.document.calendar is not None
    assert read.document.calendar.is_explicit


def test_a_problem_of_a_playbook_in_json_is_shown_at_its_place():
    """Parts carry their names there; the place is inside the one that is meant."""
    told = parse_playbook(TEXT, "machines.yaml").document_json
    told["indices"][0]["components"][2]["fields"][1] = "reasn"
    text = json.dumps(told, ensure_ascii=False, indent=1)
    with pytest.raises(FileRefused) as refused:
        read_body(text.encode(), JSON)
    (found,) = refused.value.problems
    assert (found.line, found.column) == place_of(text, '"reasn"')
    assert found.suggestion == "reason"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("playbooks/campaign.yaml", "4761012a5bb656a37038ac2effb96f35d3b5981020e62cfec338845160bac370"),
        ("playbooks/campaign.referrer.draft.yaml", "cdc79cdc2ba4f4304283879f6abfc466cd5700af02360371adfe36f6ff81dc82"),
        ("playbooks/examples/crm.playbook.yaml", "c08b792666932125ed5a9a0562445da1e1941fb5ddaef86291961be2245774a1"),
        ("playbooks/examples/helpdesk.playbook.yaml", "7ef80a8f272b519169396f1d06de5c29de7565b32310d63533bf2b95c14ae104"),
        ("tests/unit/playbooks/projects.yaml", "315773190e3de5efb3cd35c0c6e24b0a2b89331ca7d692fa4676fbd3efb561f7"),
    ],
)  # fmt: skip
def test_playbooks_without_measures_are_stored_as_ever(path, told):
    """The digests are those of the version that knew of none: a log that holds them goes on as it was."""
    assert digest(read_playbook(ROOT / path)) == told


# ── what ships ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SHIPPED)
def test_every_action_request_and_component_says_why(name):
    document = read_playbook(ROOT / "playbooks" / f"{name}.yaml").document
    for kind in document.kinds.values():
        assert all(action.why and action.role for *_, action in kind.prescribed)
        assert all(request.why for request in kind.requests.values())
    assert all(component.why for component in document.indices["phi"].components.values())
    assert all(index.why and index.bands for index in document.indices.values())


def happenings(kind: Kind) -> Iterator[Happening]:
    yield from (action.done for *_, action in kind.prescribed)
    for request in kind.requests.values():
        yield from (request.asked, request.answered)


def test_phi_has_the_parameters_it_is_defined_with():
    """Below 60 broken; 100 within 48 hours, 5 less for each full 10 % over; 30 days, 85 %; equal weights."""
    index = read_playbook(ROOT / "playbooks" / "smart_hardware.yaml").document.indices["phi"]
    penetration, response, freshness = index.components.values()
    assert penetration.broken_below == 60
    assert (response.baseline_hours, response.points, response.step_percent, response.step) == (
        48,
        5,
        10,
        "full",
    )
    assert (freshness.within_days, freshness.full_at_percent) == (30, 85)
    assert {component.weight for component in index.components.values()} == {1}
    assert index.label.zh == "过程健康度指数"


def test_the_draft_to_replay_differs_by_a_gate_and_by_phi():
    """Everything else is the playbook it is a draft of, with the source of leads that the demo's year adds to it."""
    before, after = (read_playbook(ROOT / "playbooks" / f"{name}.yaml").document_json for name in SHIPPED[:2])
    (deal,) = (kind for kind in before["kinds"] if kind["name"] == "opportunity")
    (stricter,) = (kind for kind in after["kinds"] if kind["name"] == "opportunity")
    gates = [
        next(stage for stage in kind["stages"] if stage["name"] == "quoted")["enter"]
        for kind in (deal, stricter)
    ]
    (source,) = (field for field in stricter["fields"] if field["name"] == "source")
    assert source["options"].pop()["name"] == "livestream"
    added = gates[1]["conditions"][len(gates[0]["conditions"]) :]
    assert [condition["name"] for condition in added] == ["budget_known", "visited_twice"]
    gates[1]["conditions"] = gates[0]["conditions"]
    indices = [{index["name"]: index for index in told["indices"]} for told in (before, after)]
    components = [{part["name"]: part for part in told["phi"]["components"]} for told in indices]
    assert [components[1][name].pop("weight") for name in components[1]] == ["50", "30", "20"]
    assert components[1]["response"].pop("baseline_hours") == "36"
    assert after == before


# ── the guide ────────────────────────────────────────────────────────────────────────────────────────────────────────

AROUND = """\
playbook: guide
label: {zh: 手册, en: Guide}
roles: {sales: {label: {zh: 销售, en: Sales}}}
kinds:
  deal:
    label: {zh: 单, en: Deal}
    collection: deals
    prefix: dea
    fields:
      reason: {type: choice, label: {zh: 因, en: Reason}, options: {cost: {zh: 价, en: Cost}, quality: {zh: 质, en: Quality}}}
      budget: {type: number, label: {zh: 预算, en: Budget}}
      solution_deck: {type: evidence, label: {zh: 方案, en: Deck}}
    touches: {visit: {label: {zh: 访, en: Visit}}}
"""


def examples(page: str) -> dict[str, object]:
    """What the examples of the sections about measuring say, all together."""
    found: dict[str, object] = {}
    for block in (ROOT / "docs" / page).read_text("utf-8").split("```yaml\n")[1:]:
        told = yaml.safe_load(block.split("```")[0])
        if {"requests", "indices", "calendar"} & set(told):
            found |= told
    return found


@pytest.mark.parametrize("page", ["write-a-playbook.md", "write-a-playbook.zh-CN.md"])
def test_what_the_guide_says_of_measuring_can_be_written(page):
    """Its examples are parts of one sound playbook."""
    told, whole = examples(page), yaml.safe_load(AROUND)
    deal = whole["kinds"]["deal"]
    deal["stages"], deal["requests"] = told.pop("stages"), told.pop("requests")
    assert set(told) == {"indices", "time_zone", "calendar"}
    text = yaml.safe_dump(whole | told, allow_unicode=True, sort_keys=False)
    found = parse_playbook(text, page).document
    assert {component.measure for index in found.indices.values() for component in index.components.values()} == set(MEASURES.split(", "))  # fmt: skip
    seen = {member for happening in happenings(found.kinds["deal"]) for member, value in happening if value}
    assert seen == set(Happening.model_fields)


def test_both_languages_of_the_guide_show_the_same_examples():
    assert examples("write-a-playbook.md") == examples("write-a-playbook.zh-CN.md")


def test_the_stored_form_of_a_playbook_with_measures_is_read_as_it_was_written():
    """Lists by name, decimals as texts, days as texts; the order of components, bands and actions is kept."""
    document = read_playbook(PLAYBOOKS.parents[2] / "playbooks" / "parts_manufacturer.yaml").document
    told = document.as_json()
    assert json.loads(json.dumps(told)) == told
    again = Playbook.model_validate(told)
    assert again == document
    assert list(again.indices["phi"].components) == list(document.indices["phi"].components)
