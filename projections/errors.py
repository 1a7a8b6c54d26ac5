"""What can be wrong with a question, besides that there is no such thing."""

from collections.abc import Sequence

from domain.refusals import Problem


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
