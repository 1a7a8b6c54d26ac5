"""What is wrong with deadlines is told before anything is published: each with its place and what would be right."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from support.deadlines import TEXT, the_playbook, with_deadlines
from support.given import World, published

from commands.playbook_file import FileRefused, parse_playbook
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Playbook, Right
from domain.playbook.publish import publish
from domain.refusals import InvalidCommand


def wrong(*lines: str, text: str = TEXT) -> list[tuple[str, str | None]]:
    """What is said of a playbook with these deadlines."""
    head = text[: text.index("    deadlines:\n")]
    told = "".join(f"      {line.replace('{', '{label: {zh: 限, en: Limit}, ', 1)}\n" for line in lines)
    with pytest.raises(FileRefused) as refused:
        parse_playbook(f"{head}    deadlines:\n{told}", "wrong.yaml")
    return [(problem.message, problem.suggestion) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("line", "says", "suggests"),
    [
        ("a: {after_hours: 3}", "exactly one thing", None),
        ("a: {on_stage: lead, on_date: decides_on, after_hours: 3}", "on_stage and on_date are both given", None),
        ("a: {on_stage: leed, after_hours: 3}", "no step or stage 'leed'", "lead"),
        ("a: {on_silence: cal, after_hours: 3}", "no kind of touch 'cal'", "call"),
        ("a: {on_work: demon, after_hours: 3}", "no work template 'demon'", "demo"),
        ("a: {on_approval: discont, after_hours: 3}", "no approval chain 'discont'", "discount"),
        ("a: {on_date: decides}", "no date field 'decides'", "decides_on"),
        ("a: {on_date: topic}", "a date is waited for", None),
        ("a: {on_date: birthday}", "is personal", None),
        ("a: {on_silence: any, stages: [ofer], after_hours: 3}", "no step or stage 'ofer'", "offer"),
        ("a: {on_stage: lead, stages: [offer], after_hours: 3}", "stages limit silence", None),
        ("a: {on_stage: lead, clock: response, after_hours: 3}", "only work is answered", None),
        ("a: {on_stage: lead}", "say how long it may take", None),
        ("a: {on_stage: lead, after_hours: 0}", "nothing is due at once", None),
        ("a: {on_approval: any}", "how long the approval may take", None),
        ("a: {on_stage: lead, after_hours: 3, warn_percent: 0}", "greater than or equal to 1", None),
        ("a: {on_stage: lead, after_hours: 3, warn_percent: 100}", "less than or equal to 99", None),
        ("a: {on_stage: lead, after_hours: 3, ladder: [{tell: [onwer]}]}", "no role or place 'onwer'", "owner"),
        ("a: {on_stage: lead, after_hours: 3, ladder: [{tell: [assignee]}]}", "only work has an assignee", None),
        ("a: {on_stage: lead, after_hours: 3, ladder: [{tell: [owner, owner]}]}", "named twice", None),
        ("a: {on_stage: lead, after_hours: 3, ladder: [{tell: [owner], after_hours: 1}]}", "first rung waits 0 hours", None),
        (
            "a: {on_stage: lead, after_hours: 3, ladder: [{tell: [owner]}, {tell: [vp], after_hours: 9}, {tell: [manager], after_hours: 8}]}",
            "leads backwards: this rung waits 8 hours, the one below it 9", None,
        ),
        ("a: {on_stage: lead, after_hours: 3, ladder: [{tell: [owner], repeats: 2}]}", "after how many hours it is repeated", None),
        ("a: {on_stage: lead, after_hours: 3, ladder: [{tell: [owner], repeat_hours: 2}]}", "how often it is repeated", None),
        ("a: {on_stage: lead, after_hours: 3, go_live: '2026-03-02T09:00:00'}", "timezone", None),
    ],
)  # fmt: skip
def test_each_mistake_is_named(line, says, suggests):
    """With the nearest name there is."""
    assert any(says in message and suggestion == suggests for message, suggestion in wrong(line)), wrong(line)


def test_all_mistakes_are_named_at_once():
    found = wrong(
        "a: {on_stage: leed, after_hours: 3, ladder: [{tell: [onwer]}]}",
        "b: {on_date: topic, clock: response}",
    )
    assert len(found) == 4


def test_business_hours_need_a_calendar():
    """Without one hours are those of the clock; who asks for working hours is told what is missing."""
    head, tail = TEXT[: TEXT.index("calendar:")], TEXT[TEXT.index("roles:") :]
    (problem,) = wrong("a: {on_stage: lead, after_hours: 3, by: calendar}", text=head + tail)
    assert "need a calendar" in problem[0]


def test_a_calendar_needs_working_hours():
    idle = TEXT.replace(TEXT[TEXT.index("  hours:") : TEXT.index("  first_year")], "  hours: {mon: []}\n")
    assert "nobody works in this week" in wrong("a: {on_stage: lead, after_hours: 3}", text=idle)[0][0]


def test_a_calendar_needs_a_day_on_which_somebody_works():
    """Every Monday of its only year is off, and so is the day that would make up for one: no business time ever passes."""
    mondays = [f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 32) if _is_monday(month, day)]  # fmt: skip
    hours, years = TEXT.index("  hours:"), TEXT.index("roles:")
    head, tail = f"{TEXT[:hours]}  hours: {{mon: [09:00-18:00]}}\n  first_year: 2026\n  last_year: 2026\n", TEXT[years:]  # fmt: skip
    idle = f"{head}  days_off: [{', '.join(mondays)}]\n{tail}"
    assert "every working day is a day off" in wrong("a: {on_stage: lead, after_hours: 3}", text=idle)[0][0]
    assert parse_playbook(idle.replace("2026-03-02, ", ""), "one.yaml")
    assert parse_playbook(idle.replace("roles:", "  working_days: [2026-05-09]\nroles:", 1), "two.yaml")


def _is_monday(month: int, day: int) -> bool:
    try:
        return date(2026, month, day).weekday() == 0
    except ValueError:
        return False


def test_work_without_limits_of_its_own_needs_hours():
    bare = TEXT.replace("respond_within_hours: 2, complete_within_hours: 9, ", "complete_within_hours: 9, ")
    assert (
        "as respond_within_hours of the template"
        in wrong("a: {on_work: demo, clock: response}", text=bare)[0][0]
    )


def publishing(playbook, at, books=None):
    world = World(books=books or Playbooks(), decided_at=at, rights=frozenset({Right.publish}))
    return publish(world.books, PublishPlaybook(playbook), world)


@pytest.mark.parametrize(("year", "may"), [(2040, True), (2041, False)])
def test_a_calendar_whose_last_year_is_over_is_not_published(year, may):
    """Nothing would ever be due by it. Without deadlines it may be, for what it measures of the past."""
    at = datetime(year, 1, 5, tzinfo=UTC)
    if may:
        assert publishing(the_playbook(), at)
    else:
        with pytest.raises(InvalidCommand) as refused:
            publishing(the_playbook(), at)
        assert [(item.pointer, "is over" in item.message) for item in refused.value.problems] == [
            ("/playbook/calendar/last_year", True)
        ]
    assert publishing(with_deadlines("a: {on_stage: lead, after_hours: 3, by: clock}"), at)
    assert publishing(with_deadlines(), at)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("roles: [manager]}}", "roles: [manager], within_hours: 8}}"),
        ("done_by_word: true}", "checklist: {set_up: {label: {zh: 装, en: Set up}, within_hours: 4}}}"),
    ],
    ids=["a level of an approval", "an item of a checklist"],
)  # fmt: skip
def test_what_is_limited_where_it_is_asked_needs_a_calendar_that_goes_on(before, after):
    """Such a limit is a deadline as well, although the playbook names none."""
    head = TEXT[: TEXT.index("    deadlines:\n")]
    assert before in head
    limited = parse_playbook(head.replace(before, after), "limited.yaml")
    assert publishing(limited, datetime(2040, 1, 5, tzinfo=UTC))
    with pytest.raises(InvalidCommand) as refused:
        publishing(limited, datetime(2041, 1, 5, tzinfo=UTC))
    assert [item.pointer for item in refused.value.problems] == ["/playbook/calendar/last_year"]


def test_a_playbook_with_deadlines_reads_back_as_it_was_published():
    playbook = the_playbook()
    again = Playbook.model_validate(playbook.document.as_json())
    assert again == playbook.document
    assert published(replace(playbook, number=0)).in_force["watched"].document == playbook.document
    assert "deadlines" not in with_deadlines().document.as_json()["kinds"][0]
