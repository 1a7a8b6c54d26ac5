"""Who held which roles, and stood in which team and region, as of any position."""

import polars as pl

from projections.ledger.view import View
from projections.replay.keyed import SPAN, codes, keyed, last_upto, names_of

_COLUMNS = ("person", "team", "region", "roles")


class Organised:
    """The people of the organisation, as of any position."""

    def __init__(self, people: pl.DataFrame) -> None:
        self._names = names_of(people.get_column("person"))
        self._people = keyed(people, self._names, record="person")

    @classmethod
    def of(cls, view: View) -> "Organised":
        """Read them from the ledger."""
        return cls(view.scan("people").select(*_COLUMNS, "position").collect())

    def stood(self, persons: pl.Series, upto: pl.Series) -> pl.DataFrame:
        """Return team, region and roles of the person of each row as of its position; all null where they were none of its people."""
        keys = (codes(persons, self._names) * SPAN + upto).fill_null(-1)
        return last_upto(self._people, keys, *_COLUMNS)
