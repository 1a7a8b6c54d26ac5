"""How entries of a timeline look on a terminal."""

from io import StringIO

import pytest
from rich.console import Console
from support.desk import an_empty_desk

from infra.cli import answers
from projections.footing import Footing

CONFIRMED = {
    "what": "confirmation",
    "fields": ["budget_confirmed", "expected_sign_on"],
    "labels": {"budget_confirmed": {"zh": "客户预算确认", "en": "Budget confirmed"}},
    "occurred_at": "2026-03-06T08:00:00Z",
    "actor": "person/per_anna",
    "actor_name": "Anna",
    "on_behalf_of": None,
    "reason": None,
    "playbook": "projects",
    "playbook_version": 1,
}


def printed(entry, language):
    desk = an_empty_desk()
    lens = Footing(None, desk.log, desk.vault).lens()
    out = Console(file=StringIO(), width=140)
    out.print(answers.timeline(lens.figures(items=[entry], names={}, next=None, as_of_position=1), language))
    return out.file.getvalue()


@pytest.mark.parametrize(
    ("language", "told"), [("en", "confirmation  Budget confirmed, expected_sign_on"), ("zh", "确认  客户预算确认, expected_sign_on")]
)  # fmt: skip
def test_a_confirmation_names_what_still_holds(language, told):
    """By the labels of the fields; a field no playbook knows any more by its name."""
    assert told in printed(CONFIRMED, language)
