"""The columns of a batch reach PostgreSQL as the lists they are."""

import struct
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.log.columns import Bigints, Blobs, Column, Flags, Integers, Moments, Texts

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
DAYS = timedelta(days=3_652_055)
moments = st.builds(
    lambda after, zone: (datetime(1, 1, 2, tzinfo=UTC) + after).astimezone(zone),
    st.timedeltas(timedelta(0), DAYS),
    st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)
COLUMNS = [
    ("text[]", Texts, texts),
    ("bytea[]", Blobs, st.binary(max_size=20)),
    ("int[]", Integers, st.integers(-(2**31), 2**31 - 1)),
    ("bigint[]", Bigints, st.integers(-(2**63), 2**63 - 1)),
    ("boolean[]", Flags, st.booleans()),
    ("timestamptz[]", Moments, moments),
]


@pytest.fixture
def connection(a_tenant):
    """A connection of the application role."""
    with psycopg.connect(a_tenant("columns").url) as connection:
        yield connection


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_column_arrives_as_it_was_and_of_its_kind(connection, data):
    """Of any length, empty ones too, with nulls anywhere; the server takes it for an array of that kind without being told."""
    for name, kind, element in COLUMNS:
        column = data.draw(st.lists(st.one_of(st.none(), element), max_size=6))
        arrived, of = connection.execute("SELECT x, pg_typeof(x)::regtype::text FROM (SELECT %b AS x) AS y", (kind(column),)).fetchone()  # fmt: skip
        assert arrived == column
        assert of == connection.execute("SELECT %s::regtype::text", (name,)).fetchone()[0]


def test_texts_are_told_in_the_encoding_of_the_connection(connection):
    """A process may be told another one (PGCLIENTENCODING); a text in the wrong one would be sealed as another text."""
    connection.execute("SET client_encoding TO 'GBK'")
    assert connection.execute("SELECT (%b)[1] = U&'\\62A5\\4EF7'", (Texts(["报价"]),)).fetchone() == (True,)


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        (Integers, 2**31, struct.error),
        (Bigints, 2**63, struct.error),
        (Texts, 7, AttributeError),
        (Blobs, "text", TypeError),
    ],
)
def test_what_a_column_has_no_room_for_is_not_sent(connection, kind: type[Column], value, error):
    """An error, and nothing cut off."""
    with pytest.raises(error):
        connection.execute("SELECT %b", (kind([value]),))
