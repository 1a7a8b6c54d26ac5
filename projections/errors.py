"""What can be wrong with a question, besides that there is no such thing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from domain.naming import nearest
from domain.refusals import Problem, those_there_are

_LONGEST_LIST = 190
"""How many characters of names a sentence holds."""


class ReadError(Exception):
    """The root of the read side's own errors."""

    code = "read-error"


class InvalidQuery(ReadError):
    """A question cannot be understood. `problems` point at the parameters (`/query/amount.gte`) and say what is expected."""

    code = "invalid-request"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)

    @classmethod
    def of(cls, parameter: str, message: str, suggestion: str | None = None) -> "InvalidQuery":
        """Say what is wrong with one parameter."""
        return cls([problem_of(parameter, message, suggestion)])


class AmbiguousName(ReadError):
    """Several records of a kind have the external id that was asked for, so it names none of them. `ids` are theirs, at most a few of `count`."""

    code = "ambiguous-name"

    def __init__(self, kind: str, ids: Sequence[str], count: int) -> None:
        named = ", ".join(ids) + (", …" if count > len(ids) else "")
        super().__init__(
            f"{count} records of the kind {kind!r} have this external id: {named}; ask by the id of one of them"
        )
        self.kind = kind
        self.ids = tuple(ids)
        self.count = count


class BehindError(ReadError):
    """The answer would not be of the position that was asked for: the read models are not there yet.

    The same question can be asked again in `retry_after` seconds.
    """

    code = "behind"

    def __init__(self, wanted: int, reached: int, retry_after: int = 1) -> None:
        super().__init__(f"the read models are at position {reached}, not yet at {wanted}; ask again")
        self.wanted = wanted
        self.reached = reached
        self.retry_after = retry_after


def problem_of(parameter: str, message: str, suggestion: str | None = None) -> Problem:
    """Say what is wrong with a parameter of a query."""
    return Problem("/query/" + parameter.replace("~", "~0").replace("/", "~1"), message, suggestion)


def not_among(parameter: str, message: str, name: str, valid: Iterable[str]) -> Problem:
    """Say that a name is none of those there are: with the nearest one, and with all of them, as far as they fit into a sentence."""
    names = tuple(valid)
    ends = accumulate(len(repr(it)) + 2 for it in names)
    most = max(sum(end <= _LONGEST_LIST for end in ends), 1)
    told = problem_of(parameter, f"{message}; {those_there_are(names, most)}", nearest(name, names))
    return replace(told, names=names[:most])
