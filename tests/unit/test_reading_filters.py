"""Questions about a list are typed: what they ask is understood by the playbook, or explained, parameter by parameter."""

import pytest
from support.given import an_organisation, the_playbook

from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.filters import MAX_PARAMETERS, Question, read_question

KIND = the_playbook().kind("opportunity")
PEOPLE = an_organisation().organisation


def asked(*filters: tuple[str, str], **about: str) -> Question:
    """The question that parameters ask."""
    return read_question(KIND, PEOPLE, filters, **about)


def refused(*filters: tuple[str, str], **about: str) -> dict[str, tuple[str, str | None]]:
    """What is wrong with parameters: message and suggestion by pointer."""
    with pytest.raises(InvalidQuery) as error:
        asked(*filters, **about)
    return {problem.pointer: (problem.message, problem.suggestion) for problem in error.value.problems}


@pytest.mark.parametrize(
    ("parameter", "text", "operator", "stored"),
    [
        ("stage", "quoted", "eq", "quoted"),
        ("stage.ne", "won", "ne", "won"),
        ("owner", "person/per_anna", "eq", "person/per_anna"),
        ("owner.is_null", "true", "is_null", True),
        ("budget.gte", "500000", "gte", "500000.00"),
        ("seats.lt", "2.50", "lt", "2.5"),
        ("is_strategic", "false", "eq", False),
        ("pains.contains", "cost", "contains", "cost"),
        ("opened_at.gte", "2026-03-01", "gte", "2026-03-01T00:00:00.000000Z"),
        ("opened_at.lt", "2026-03-01", "lt", "2026-03-01T00:00:00.000000Z"),
        ("opened_at.lte", "2026-03-01", "lte", "2026-03-01T23:59:59.999999Z"),
        ("opened_at.gt", "2026-03-01", "gt", "2026-03-01T23:59:59.999999Z"),
        ("opened_at.gte", "2026-03-01T08:00:00+08:00", "gte", "2026-03-01T00:00:00.000000Z"),
        ("external_id", "CRM-1", "eq", "CRM-1"),
        ("touches.gt", "3", "gt", "3"),
        ("region", "华北", "eq", "华北"),
        ("solution_deck.is_null", "false", "is_null", False),
    ],
)
def test_a_filter_is_read_by_the_type_of_its_field(parameter, text, operator, stored):
    """A value becomes what the log holds for it, so that numbers compare as numbers and moments as moments."""
    (condition,) = asked((parameter, text)).filters
    assert (condition.operator, condition.values) == (operator, (stored,))


def test_the_same_filter_repeated_means_one_of_the_values():
    """Two stages are asked for as two parameters."""
    (condition,) = asked(("stage", "lead"), ("stage", "quoted")).filters
    assert condition.values == ("lead", "quoted")


@pytest.mark.parametrize(
    ("parameter", "text", "says", "suggestion"),
    [
        ("stge", "quoted", "no such field", "stage"),
        ("budgett.gte", "1", "no such field", "budget"),
        ("stage", "quotd", "not an option", "quoted"),
        ("stage.gt", "quoted", "no order", None),
        ("budget.gte", "lots", "amount|number", None),
        ("seats", "1e400", "number", None),
        ("seats.between", "1", "operator is one of", None),
        ("seats.gtee", "1", "operator is one of", "gte"),
        ("is_strategic", "yes", "true or false", None),
        ("pains", "cost", "contains", None),
        ("source.contains", "fair", "several options", None),
        ("opened_at", "2026-03-01", "moment", None),
        ("opened_at.gte", "2026-02-30", "date", None),
        ("owner.is_null", "maybe", "true or false", None),
        ("solution_deck", "x", "is_null", None),
        ("team.is_null", "true", "owner", None),
        ("region", "华南", "option", None),
        ("fields.", "x", "no such field", None),
        ("", "x", "no such field", None),
    ],
)
def test_a_filter_that_does_not_fit_is_explained(parameter, text, says, suggestion):
    """The parameter is named, what is expected is said, and the nearest there is is suggested."""
    ((pointer, (message, hint)),) = refused((parameter, text)).items()
    assert pointer == f"/query/{parameter}"
    assert any(part in message for part in says.split("|")), message
    if suggestion is not None:
        assert hint == suggestion
    assert text not in message or text == "x", "what was sent is not repeated"


@pytest.mark.parametrize("name", [name for name, spec in KIND.fields.items() if spec.is_personal])
@pytest.mark.parametrize("operator", ["", ".ne", ".gt", ".is_null", ".contains"])
def test_a_personal_field_is_neither_filtered_nor_sorted(name, operator):
    """P24: an order or a count would tell what is sealed; the refusal says why."""
    ((message, _),) = refused((name + operator, "true")).values()
    assert "personal" in message
    ((message, _),) = refused(sort=f"-{name}").values()
    assert "personal" in message


def test_everything_wrong_is_said_at_once():
    """Nobody mends one parameter at a time."""
    assert set(refused(("stge", "x"), ("seats", "x"), sort="bugdet", fields="note,nonsense")) == {
        "/query/stge", "/query/seats", "/query/sort", "/query/fields",
    }  # fmt: skip


def test_an_order_turns_round_and_has_several_parts():
    """A minus before a name; what has no order is refused."""
    order = asked(sort="-budget, opened_at").order
    assert [(item.subject.name, item.descending) for item in order] == [
        ("budget", True),
        ("opened_at", False),
    ]
    assert "not sorted" in refused(sort="pains")["/query/sort"][0]
    assert "not sorted" in refused(sort="solution_deck")["/query/sort"][0]


def test_fields_are_chosen_by_name():
    """Members of the record and fields of the playbook; a field can be named as one where both are called the same."""
    assert asked(fields="stage,budget,fields.note").chosen == {"stage", "fields.budget", "fields.note"}


def test_a_flood_of_filters_is_refused():
    """P18: a question stays within bounds."""
    with pytest.raises(InvalidQuery):
        asked(*[("stage", "lead")] * (MAX_PARAMETERS + 1))


def test_a_cursor_comes_back_as_it_went_out():
    """Position, place and clock reading survive."""
    cursor = Cursor(7, 50)
    assert Cursor.read(cursor.text(["deal", "x"]), ["deal", "x"]) == cursor
    assert Cursor.read(None, ["deal"]) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "====", "é", "bnVsbA", "W10", "e30"),
        Cursor(-1, 0).text("q"),
        Cursor(1, -1).text("q"),
        Cursor(2**63, 0).text("q"),
        Cursor(1, 1).text("another"),
    ],
)
def test_what_is_no_cursor_of_this_question_is_refused(text):
    """Made up, damaged, of another question: 400 in each case, and no page of something else."""
    with pytest.raises(InvalidQuery) as error:
        Cursor.read(text, "q")
    assert [problem.pointer for problem in error.value.problems] == ["/query/cursor"]
