"""Healthy actions in a playbook: what is complete is read, what could never be measured is refused with its place."""

from collections.abc import Mapping
from typing import Any

import pytest
from support.worked import the_worked_playbook

from commands.playbook_file import FileRefused
from domain.labels import Label
from domain.playbook.check_healthy import healthy_problems
from domain.playbook.check_measuring import index_problems
from domain.playbook.healthy import HealthyAction
from domain.playbook.model import Playbook

FIRST = Label(zh="首", en="First")


def document() -> Playbook:
    return the_worked_playbook().document


def told_of(text: Mapping[str, Any]) -> list[tuple[str, str, str | None]]:
    """Everything wrong with one healthy action, each with its place and the nearest valid name."""
    kind = document().kinds["deal"].model_copy(update={"healthy": {"first": HealthyAction(label=FIRST, **text)}})  # fmt: skip
    return [
        ("/".join(map(str, found.place)), found.message, found.suggestion)
        for found in healthy_problems(kind, ("deal",))
    ]


def test_healthy_actions_are_read_and_need_no_hours_where_the_template_has_some():
    kind = document().kinds["deal"]
    assert list(kind.healthy) == ["first_leg", "legal_done", "taken_up", "answered", "deck_made"]
    assert kind.healthy["legal_done"].within_hours is None
    assert kind.healthy["taken_up"].clock == "triggered"
    assert list(healthy_problems(kind, ("deal",))) == []


@pytest.mark.parametrize(
    ("text", "place", "message", "nearest"),
    [
        ({"within_hours": 2}, "", "exactly one of", None),
        ({"fork": "freeze", "work": "terms", "within_hours": 2}, "/work", "exactly one of", None),
        ({"fork": "freez", "within_hours": 2}, "/fork", "'freez'", "freeze"),
        ({"work": "term", "within_hours": 2}, "/work", "'term'", "terms"),
        ({"request": "dec", "within_hours": 2}, "/request", "'dec'", "deck"),
        ({"fork": "freeze"}, "/within_hours", "within how many hours", None),
        ({"work": "schedule"}, "/within_hours", "within how many hours", None),
        ({"work": "terms", "clock": "triggered"}, "/within_hours", "within how many hours", None),
        ({"work": "terms", "clock": "response"}, "/within_hours", "within how many hours", None),
        ({"fork": "freeze", "clock": "response", "within_hours": 2}, "/clock", "no other", None),
    ],
)
def test_what_could_never_be_measured_is_refused_with_its_place(text, place, message, nearest):
    """One problem each, no second one of the same mistake."""
    ((where, said, suggestion),) = told_of(text)
    assert where == f"deal/healthy/first{place}"
    assert message in said
    assert suggestion == nearest


def test_a_file_with_such_a_mistake_is_refused_at_its_line():
    with pytest.raises(FileRefused, match="'freez'; did you mean 'freeze'") as refused:
        the_worked_playbook(("fork: freeze, within_hours: 2", "fork: freez, within_hours: 2"))
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(
    ("component", "change", "place", "nearest"),
    [
        ("legal", {"actions": ("legal_don",)}, "actions/0", "legal_done"),
        ("response", {"work": ("estimate", "term")}, "work/1", "terms"),
    ],
)
def test_an_index_names_what_there_is(component, change, place, nearest):
    """Healthy actions, and templates whose answers count."""
    playbook = document()
    index = playbook.indices["teamwork"]
    wrong = index.components[component].model_copy(update=change)
    changed = index.model_copy(update={"components": {**index.components, component: wrong}})
    (found,) = index_problems(playbook, changed, ("teamwork",))
    assert "/".join(map(str, found.place)) == f"teamwork/components/{component}/{place}"
    assert found.suggestion == nearest


def test_an_index_of_nothing_is_refused():
    """A kind without healthy actions has none to measure; one without requests has the answers to its work."""
    playbook = document()
    kind = playbook.kinds["deal"].model_copy(update={"healthy": {}, "requests": {}})
    without = playbook.model_copy(update={"kinds": {**playbook.kinds, "deal": kind}})
    index = playbook.indices["teamwork"]
    only = index.model_copy(update={"components": {name: index.components[name] for name in ("healthy", "response")}})  # fmt: skip
    (found,) = index_problems(without, only, ("teamwork",))
    assert found.message == "'deal' has no 'healthy' actions; nothing would be measured"
