"""The columns a compiled rule reads: which there are, of which type, and how stored values get into them.

A column is named after what it holds and whose it is, so that two rules that type a field differently (a published
one and a draft) can be judged over one table:

| column | Polars type | holds |
|---|---|---|
| `number:discount` | Decimal(38, 6) | a number |
| `money CNY:amount` | Decimal(38, 6) | an amount in that currency; money in any other is NULL |
| `text:title` | String | text, choice, person, reference, phone, email |
| `date:due` | Date | a calendar day |
| `datetime:met_at` | Datetime("us", "UTC") | a moment |
| `boolean:urgent` | Boolean | true or false |
| `choices:interests` | List(String) | the selected options; none selected is an empty list, not NULL |
| `fact:touches('any', 7)` | as its answer's type | a fact with its arguments, see `facts` |
| `choice fact:outcome('review', 'verdict')` | as a field of that type | what a form says, as that type |

What does not fit its field, is sealed or was erased is NULL, as it is for the closure.
The spelling the log uses is read by Polars, any other by the very functions the closure's caller uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import orjson
import polars as pl

from domain.money import minor_digits
from domain.rules import nodes as t
from domain.rules.arithmetic import PLACES, number_text
from domain.rules.closure import compile_rule
from domain.rules.facts import FACTS, RuleFacts
from domain.rules.outcomes import form_field, is_outcome
from domain.rules.text_form import to_text
from domain.rules.types import LABELS, FieldType, ValueType
from domain.values import Stored, is_personal, load

ROW: Final = "row"
"""The column that numbers the rows."""

MOMENT: Final = pl.Datetime("us", "UTC")
"""The type of moments."""

DECIMAL: Final = pl.Decimal(38, PLACES)
"""The type numbers and amounts are kept in."""

_TYPES: Final[Mapping[ValueType, pl.DataType]] = {
    ValueType.number: DECIMAL,
    ValueType.money: DECIMAL,
    ValueType.date: pl.Date(),
    ValueType.datetime: MOMENT,
    ValueType.boolean: pl.Boolean(),
    ValueType.choices: pl.List(pl.String()),
}
_DAY: Final = r"^(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-[0-9]{2}-[0-9]{2}"
_MOMENT: Final = _DAY + r"T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z$"
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def column_name(asked: t.Field | t.Fact) -> str:
    """Name the column in which a field's values or a fact's answers stand."""
    if isinstance(asked, t.Fact):
        return (
            f"{asked.arguments[-1]} fact:{to_text(asked)}" if is_outcome(asked) else f"fact:{to_text(asked)}"
        )
    kind = "text" if asked.type in LABELS else asked.type.value
    return f"{kind} {asked.currency}:{asked.name}" if asked.currency else f"{kind}:{asked.name}"


def column_type(asked: t.Field | t.Fact) -> pl.DataType:
    """Tell the Polars type of that column."""
    if isinstance(asked, t.Fact) and is_outcome(asked):
        asked = form_field(asked)
    type_ = FACTS[asked.name].result if isinstance(asked, t.Fact) else asked.type
    return pl.String() if type_ is None else _TYPES.get(type_, pl.String())


def fields_asked(trees: Iterable[t.Node]) -> frozenset[t.Field]:
    """List the fields that rules read, each with the type it is read as."""
    return frozenset(node for tree in trees for node, _ in t.walk(tree) if isinstance(node, t.Field))


def columns_of(fields: Iterable[t.Field], rows: Sequence[Mapping[str, Stored]]) -> pl.DataFrame:
    """Put stored values, one mapping for each record, into typed columns; `row` numbers them from 0.

    A field that a mapping does not hold is NULL.
    Personal values have to be opened before: one that is still sealed reads as NULL.
    """
    named = {column_name(field): field for field in sorted(fields, key=column_name)}
    columns = [column_of(field, [row.get(field.name) for row in rows]) for field in named.values()]
    return pl.DataFrame([pl.Series(ROW, range(len(rows)), dtype=pl.Int64), *columns])


def column_of(field: t.Field, stored: Sequence[Stored]) -> pl.Series:
    """Put the stored values of one field into its column."""
    known = [None if value is None or is_personal(value) else value for value in stored]
    match field.type:
        case ValueType.number:
            found = _decimals(field, known, known, rf"^-?[0-9]{{1,15}}(?:\.[0-9]{{1,{PLACES}}})?$")
        case ValueType.money:
            found = _money(field, known)
        case ValueType.date:
            found = _spelled(field, known, known, _DAY + "$", _read_days)
        case ValueType.datetime:
            found = _spelled(field, known, known, _MOMENT, _read_moments)
        case ValueType.boolean:
            found = pl.Series([it if isinstance(it, bool) else None for it in known], dtype=pl.Boolean)
        case ValueType.choices:
            options = [[str(option) for option in it] if isinstance(it, list) else None for it in known]
            found = pl.Series(options, dtype=pl.List(pl.String))
        case _:
            found = pl.Series([it if isinstance(it, str) else None for it in known], dtype=pl.String)
    return found.alias(column_name(field))


def column_of_forms(asked: t.Field, forms: Iterable[str | None]) -> pl.Series:
    """Put what forms, each as its JSON text, say in one field into its column; no form says nothing."""
    return column_of(asked, [None if form is None else orjson.loads(form).get(asked.name) for form in forms])


def column_of_json(field: t.Field, texts: pl.Series) -> pl.Series:
    """Put the values of one field, each as its JSON text, into its column: what `column_of` makes of the values.

    The spelling of the log is read by Polars; whatever else there is is read once for each different text.
    """
    plain, read = _plain_json(field)
    is_plain = texts.str.contains(plain).fill_null(value=False) if plain else None
    if is_plain is None or not is_plain.all():
        different = texts if is_plain is None else texts.filter(~is_plain)
        different = different.unique().drop_nulls()
        there = column_of(field, [orjson.loads(text) for text in different]).alias("there")
        found = (
            pl.DataFrame({"text": texts})
            .join(
                pl.DataFrame({"text": different, "there": there}),
                on="text",
                how="left",
                maintain_order="left",
            )
            .get_column("there")
        )
        if is_plain is not None:
            written = pl.select(pl.when(is_plain).then(texts)).to_series()
            found = read(written).zip_with(is_plain, found)
    else:
        found = read(texts)
    return found.alias(column_name(field))


def _plain_json(field: t.Field) -> tuple[str, Any]:
    """Say how the log spells a value of a type in JSON, and how that spelling is read; no pattern where every text is read by itself."""
    number = rf"-?[0-9]{{1,15}}(?:\.[0-9]{{1,{PLACES}}})?"
    match field.type:
        case ValueType.number:
            return f'^"{number}"$', lambda column: _unquoted(column).cast(DECIMAL)
        case ValueType.money:
            return _plain_money(str(field.currency))
        case ValueType.date:
            return _DAY[:1] + '"' + _DAY[1:] + '"$', lambda column: _read_days(_unquoted(column))
        case ValueType.datetime:
            return (
                _MOMENT[:1] + '"' + _MOMENT[1:-1] + '"$',
                lambda column: _read_moments(_unquoted(column)),
            )
        case ValueType.boolean:
            return "^(?:true|false)$", lambda column: column == "true"
        case ValueType.choices:
            return "", None
        case _:
            return r'^"[^"\\]*"$', _unquoted


def _plain_money(currency: str) -> tuple[str, Any]:
    if not _CURRENCY.fullmatch(currency):
        return "", None
    digits = minor_digits(currency)
    decimals = rf"(?:\.[0-9]{{1,{digits}}})?" if digits else ""
    before, after = '{"amount":"', f'","currency":"{currency}"}}'
    plain = f"^{re.escape(before)}-?[0-9]{{1,15}}{decimals}{re.escape(after)}$"
    return plain, lambda column: column.str.strip_prefix(before).str.strip_suffix(after).cast(DECIMAL)


def _unquoted(column: pl.Series) -> pl.Series:
    return column.str.strip_prefix('"').str.strip_suffix('"')


def _money(field: t.Field, known: Sequence[Any]) -> pl.Series:
    currency = str(field.currency)
    amounts = [
        it.get("amount") if isinstance(it, dict) and it.get("currency") == currency else None for it in known
    ]
    digits = minor_digits(currency)
    decimals = rf"(?:\.[0-9]{{1,{digits}}})?" if digits else ""
    plain = rf"^-?[0-9]{{1,15}}{decimals}$" if _CURRENCY.fullmatch(currency) else "^$a"
    return _decimals(field, known, amounts, plain)


def _decimals(field: t.Field, known: Sequence[Any], texts: Sequence[Any], plain: str) -> pl.Series:
    return _spelled(field, known, texts, plain, lambda column: column.cast(DECIMAL))


def _read_days(column: pl.Series) -> pl.Series:
    return column.str.to_date("%Y-%m-%d", strict=False)


def _read_moments(column: pl.Series) -> pl.Series:
    naive = column.str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", strict=False)
    return naive.dt.replace_time_zone("UTC")


def _spelled(field: t.Field, known: Sequence[Any], texts: Sequence[Any], plain: str, read: Any) -> pl.Series:
    """Read what is in the log's own spelling as a column, and the rest one by one."""
    written = pl.Series([it if isinstance(it, str) else None for it in texts], dtype=pl.String)
    is_plain = written.str.contains(plain).fill_null(value=False)
    found: pl.Series = read(pl.select(pl.when(is_plain).then(written)).to_series())
    odd = [at for at, is_fine in enumerate(is_plain) if not is_fine and known[at] is not None]
    if odd:
        values = [_value(field, known[at]) for at in odd]
        found = found.scatter(odd, _series(values, found.dtype))
    return found


def _series(values: list[Any], dtype: pl.DataType) -> pl.Series:
    texts = [number_text(it) if isinstance(it, Decimal) else it for it in values]
    return (
        pl.Series(texts, dtype=pl.String).cast(dtype) if dtype == DECIMAL else pl.Series(values, dtype=dtype)
    )


def _value(field: t.Field, stored: Stored) -> Any:
    """Read one value as a live command does: what cannot be loaded, and what the closure does not know, is NULL."""
    try:
        loaded = load(FieldType(field.type, currency=field.currency), stored)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
        return None
    return compile_rule(field)({field.name: loaded}, _NO_FACTS)


class _NoFacts:
    """A field asks no facts."""

    def evidence(self, _evidence_type: str, /) -> bool | None:
        return None

    def touches(self, _kind: str, _days: int, /) -> int | None:
        return None

    def days_in_stage(self) -> Decimal | None:
        return None

    def stage(self) -> str | None:
        return None

    def today(self) -> date | None:
        return None

    def done(self, _template: str, /) -> bool | None:
        return None

    def outcome(self, _template: str, _field: str, _answer_type: str, /) -> object:
        return None

    def approved(self, _chain: str, /) -> bool | None:
        return None


_NO_FACTS: Final[RuleFacts] = _NoFacts()
