"""Columns of a batch, laid out as PostgreSQL reads arrays in binary.

The driver finds out anew for every list what is in it; a batch knows. On the wire an array is: one dimension, whether there are nulls, the kind
of its elements, how many there are, the number of the first; then each element after its length in bytes, −1 for null.
"""

from datetime import datetime, timedelta
from functools import partial
from struct import Struct
from typing import Any, ClassVar

import psycopg
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = Struct("!iiIii").pack
_LENGTH = Struct("!i").pack
_BIGINT = Struct("!iq").pack
_NULL = _LENGTH(-1)
_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


def _blob(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def _moment(value: datetime) -> bytes:
    return _BIGINT(8, (value - _EPOCH) // _MICROSECOND)


class Column(list[Any]):
    """A column of a batch, whose class says of which kind its elements are; each may be None."""


class Texts(Column):
    """Texts."""


class Blobs(Column):
    """Bytes."""


class Integers(Column):
    """Whole numbers of 4 bytes."""


class Bigints(Column):
    """Whole numbers of 8 bytes."""


class Flags(Column):
    """True or false."""


class Moments(Column):
    """Moments with an offset."""


class _ColumnDumper(Dumper):
    """Writes a column; the type of its elements and how one is written are those of the subclass."""

    format = Format.BINARY
    element_oid: ClassVar[int]

    def element(self, value: Any) -> bytes:
        """Write one element after its length in bytes."""
        raise NotImplementedError

    def dump(self, obj: Column) -> bytes:
        nulls, element = None in obj, self.element
        parts = [_NULL if value is None else element(value) for value in obj] if nulls else map(element, obj)
        return _HEADER(1, nulls, self.element_oid, len(obj), 1) + b"".join(parts)


class _TextsDumper(_ColumnDumper):
    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        # As the driver does: the server is told texts in the encoding the connection was opened with.
        self._encoding = self.connection.info.encoding if self.connection else "utf-8"

    def element(self, value: str) -> bytes:
        return _blob(value.encode(self._encoding))


class _BlobsDumper(_ColumnDumper):
    element = staticmethod(_blob)


class _IntegersDumper(_ColumnDumper):
    element = staticmethod(partial(Struct("!ii").pack, 4))


class _BigintsDumper(_ColumnDumper):
    element = staticmethod(partial(_BIGINT, 8))


class _FlagsDumper(_ColumnDumper):
    element = staticmethod(partial(Struct("!i?").pack, 1))


class _MomentsDumper(_ColumnDumper):
    element = staticmethod(_moment)


def _register(kind: type[Column], name: str, dumper: type[_ColumnDumper]) -> None:
    found = psycopg.adapters.types[name]
    dumper.oid, dumper.element_oid = found.array_oid, found.oid
    psycopg.adapters.register_dumper(kind, dumper)


_register(Texts, "text", _TextsDumper)
_register(Blobs, "bytea", _BlobsDumper)
_register(Integers, "int4", _IntegersDumper)
_register(Bigints, "int8", _BigintsDumper)
_register(Flags, "bool", _FlagsDumper)
_register(Moments, "timestamptz", _MomentsDumper)
