"""What is simulated, and what came of it."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Scenario:
    """A stretch of days in a sales organisation; the same scenario on the same log is the same story.

    `until` is the last day, `days` how many days there are, `people` how many work there on the first of them;
    `pace` scales how many leads come in.
    """

    seed: int = 42
    until: date = date(2026, 6, 30)
    days: int = 365
    people: int = 42
    pace: float = 1.0

    def __post_init__(self) -> None:
        if self.days < 1 or self.people < FEWEST_PEOPLE or self.pace <= 0:
            raise ValueError(
                f"a scenario has a day or more, {FEWEST_PEOPLE} people or more and a pace above zero"
            )


FEWEST_PEOPLE = 12
"""Below this there is nobody to take over when somebody leaves."""


@dataclass
class Summary:
    """What a simulation did: how many commands were answered how, and what stands in the log because of them.

    `replayed` of the commands had been answered by this log before; they added nothing.
    """

    commands: int = 0
    accepted: int = 0
    refused: int = 0
    replayed: int = 0
    events: int = 0
    people: int = 0
    records: dict[str, int] = field(default_factory=dict)
