"""What is wrong with a rule, said so that its author can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A problem names one place in a rule and why it cannot stand.

    `line` and `column` count from 1, in characters of the rule's own text.
    `suggestion` is what could be written instead, where something sensible is known.
    """

    line: int
    column: int
    reason: str
    suggestion: str | None = None

    def __str__(self) -> str:
        hint = f" Did you mean {self.suggestion}?" if self.suggestion else ""
        return f"line {self.line}, column {self.column}: {self.reason}{hint}"


class RuleError(ValueError):
    """A rule was refused; `problems` holds everything found wrong with it, in reading order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems in reading order, each once."""
        self.problems = tuple(sorted(set(problems), key=lambda it: (it.line, it.column, it.reason)))
        super().__init__("\n".join(map(str, self.problems)))
