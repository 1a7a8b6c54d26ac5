"""Numbers, and stored values, in columns: exact to the last digit, and NULL where the live command reads NULL."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from support.rule_trees import MISFITS, VOCABULARY, Facts, Grammar

from domain.rules import arithmetic as exact
from domain.rules import nodes as t
from domain.rules.closure import compile_rule
from domain.rules.types import LABELS, FieldType, ValueType
from domain.values import Private, Stored, is_personal, load, moment_text
from projections.rule_columns import arithmetic, column_name, column_of, columns_of
from projections.rule_columns.columns import column_type

V = ValueType
STEP = Decimal("0.000001")
LIMIT = Decimal(10**18)
OPERATIONS = {"+": exact.add, "-": exact.subtract, "*": exact.multiply, "/": exact.divide}


def number(rng: random.Random) -> Decimal:
    """A number of any size below the limit, often at a border."""
    match rng.randrange(6):
        case 0:
            millionths = rng.choice((0, 1, 2, 3, 5, 10**6, 5 * 10**5, 10**12, 2**53 * 10**6, 2**63, 2**64))
        case 1:
            millionths = 10**24 - 1 - rng.randrange(3)
        case 2:
            millionths = 2 ** rng.randrange(79) * (1, 5, 25)[rng.randrange(3)]
        case _:
            millionths = rng.randrange(10 ** rng.randrange(1, 25))
    millionths = min(millionths, 10**24 - 1) * rng.choice((1, -1))
    return Decimal(millionths).scaleb(-6)


def partner(rng: random.Random, left: Decimal, operator: str) -> Decimal:
    """A number that takes the result to the end of the range, or to a tie; now and then just any."""
    wanted = LIMIT - STEP * rng.randrange(3)
    found = {
        "+": lambda: wanted - abs(left),
        "-": lambda: abs(left) - wanted,
        "*": lambda: Decimal(rng.choice(("0.5", "0.25", "1.5"))) if rng.randrange(2) else wanted / left,
        "/": lambda: Decimal(rng.choice((2, 4, 8, 64))) if rng.randrange(2) else left / wanted,
    }[operator]
    if not left or rng.randrange(3) == 0:
        return number(rng)
    near = found()
    return near.quantize(STEP) if abs(near) < LIMIT - 1 else number(rng)


@pytest.mark.parametrize("operator", OPERATIONS)
def test_a_column_calculates_as_one_number_does(operator):
    """Every digit, every tie and every border of 10**18, against the decimals of the live command."""
    rng = random.Random(ord(operator))
    pairs: list[tuple[Decimal | None, Decimal | None]] = []
    for _ in range(20_000):
        left = number(rng)
        pairs.append((left, partner(rng, left, operator)))
    pairs += [(None, Decimal(1)), (Decimal(1), None), (None, None)]
    operands = [
        pl.Series([None if it is None else arithmetic.scaled(it) for it in side], dtype=arithmetic.NUMBER)
        for side in zip(*pairs, strict=True)
    ]
    found = arithmetic.CALCULATIONS[operator](*operands).to_list()
    borders = ties = 0
    for (left, right), answer in zip(pairs, found, strict=True):
        expected = None if left is None or right is None else OPERATIONS[operator](left, right)
        assert answer == (None if expected is None else arithmetic.scaled(expected)), (left, operator, right)
        borders += expected is None or abs(expected) > LIMIT - 1
        if left is not None and right and operator in "*/":
            result = Fraction(left) * Fraction(right) if operator == "*" else Fraction(left) / Fraction(right)
            ties += (result * 10**6 * 2).denominator == 1 and (result * 10**6).denominator == 2
    assert borders > 1000
    assert ties > 300 or operator in "+-"


@pytest.mark.parametrize("operator", OPERATIONS)
def test_one_side_may_be_a_single_number(operator):
    """A literal stands once beside a whole column, also beside an empty one and beside another literal."""
    numbers = [Decimal(it) for it in ("0", "3", "-0.000001", "999999999999999.999999")]
    whole = pl.Series([arithmetic.scaled(it) for it in numbers], dtype=arithmetic.NUMBER)
    for literal in numbers:
        one = pl.Series([arithmetic.scaled(literal)], dtype=arithmetic.NUMBER)
        for left, right in ((whole, one), (one, whole)):
            found = arithmetic.CALCULATIONS[operator](left, right).to_list()
            pairs = [(it, literal) if left is whole else (literal, it) for it in numbers]
            expected = [OPERATIONS[operator](*pair) for pair in pairs]
            assert found == [None if it is None else arithmetic.scaled(it) for it in expected]
            empty = [side.head(0) if side is whole else side for side in (left, right)]
            assert arithmetic.CALCULATIONS[operator](*empty).len() == 0
        assert arithmetic.CALCULATIONS[operator](one, one).len() == 1


# --- stored values ---------------------------------------------------------------------------------------------------


def read_alive(field: t.Field, stored: Stored) -> object:
    """What the closure of a live command reads."""
    try:
        value = None if is_personal(stored) else load(FieldType(field.type, currency=field.currency), stored)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
        value = None
    return compile_rule(field)({field.name: value}, Facts())


def plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


FIELDS = [
    *(t.Field("it", type_) for type_ in V if type_ is not V.money),
    *(t.Field("it", V.money, currency) for currency in ("CNY", "JPY", "KWD", "cny")),
]


@pytest.mark.parametrize("field", FIELDS, ids=[f"{it.type} {it.currency or ''}".strip() for it in FIELDS])
def test_a_column_reads_a_stored_value_as_the_live_command_does(field):
    """In the log's own spelling, in another that can be read, of another type, sealed, or nonsense."""
    grammar = Grammar(random.Random(5).choice)
    stored: list[Stored] = [
        None,
        *MISFITS,
        Private("c-1", "5"),
        "0",
        "-0",
        "0.10",
        "-999999999999999.999999",
        "5 ",
    ]
    stored += [value for _ in range(60) for value in grammar.stored_row().values()]
    stored += [
        moment_text(datetime(1, 1, 1, tzinfo=UTC)),
        "2026-01-31T24:00:00.000000Z",
        "2026-13-01",
        "10000-01-01",
    ]
    stored += [
        "12026-01-31",
        "2026-01-31\n",
        "2026-01-31T08:00:00.000000Z\n",
        "5\n",
        "٣٤",
        "１",
        "-",
        "",
        "0000-12-31",
    ]
    stored += [
        {"amount": it, "currency": str(field.currency)}
        for it in ("5", "5.5", "5.50", "5.555", "5\n", "-0", "x")
    ]
    found = column_of(field, stored)
    assert found.dtype == column_type(field)
    assert found.name == column_name(field)
    for value, given in zip(found.to_list(), stored, strict=True):
        assert value == plain(read_alive(field, given)), given
        assert type(value) is type(plain(read_alive(field, given))), given
    if field.currency != "cny":
        assert 2 < found.drop_nulls().len() < len(stored)


def test_the_names_and_types_of_columns():
    """The table of the documentation, as code: whoever fills columns another way must make them like this."""
    fields = [t.Field(name, it.type, it.currency) for name, it in VOCABULARY.fields.items()]
    table = columns_of(fields, [{}, {}])
    assert table.height == 2
    assert table.select(pl.exclude("row")).null_count().row(0) == (2,) * len(fields)
    schema = dict(table.schema)
    assert schema["number:discount"] == schema["money CNY:amount"] == pl.Decimal(38, 6)
    assert schema["date:due"] == pl.Date
    assert schema["datetime:met_at"] == pl.Datetime("us", "UTC")
    assert schema["boolean:urgent"] == pl.Boolean
    assert schema["choices:interests"] == pl.List(pl.String)
    labels = [name for name, it in VOCABULARY.fields.items() if it.type in LABELS]
    assert all(schema[f"text:{name}"] == pl.String for name in labels)
    assert len(schema) == len(fields) + 1
    assert column_name(t.Fact("touches", ("any", 7))) == "fact:touches('any', 7)"
    assert columns_of([], [{}, {}, {}]).to_dict(as_series=False) == {"row": [0, 1, 2]}


def test_the_ends_of_the_calendar_fit():
    """From the first day of year 1 to the last microsecond of year 9999."""
    days = column_of(t.Field("it", V.date), ["0001-01-01", "9999-12-31"])
    assert days.to_list() == [date.min, date.max]
    moments = column_of(
        t.Field("it", V.datetime), ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]
    )
    assert moments.to_list() == [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
