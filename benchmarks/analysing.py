"""S7, S8 and S12: questions to a big ledger, against a plain scan of the same files that reads all columns the question needs.

Each run is a process of its own, so that its peak memory is its own; the two sides take turns. What is timed begins when the ledger is
open and everything is imported, and ends when the answer is there.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FEWEST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one side: seconds by the clock and of all cores, peak resident memory in MB (of 1,000,000 bytes), and what tells its answer from another one."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    answer: str


@dataclass(frozen=True)
class Analysis:
    """A question with both sides, round by round; `smaller` are runs of the same question on a ledger a tenth as large.

    `at_most` is how many times the scan's time it may take, `mb_at_most` its peak, `growth_at_most` how many times as long ten times the events may take.
    """

    name: str
    what: str
    events: int
    smaller_events: int
    ours: Sequence[Run]
    scan: Sequence[Run]
    smaller: Sequence[Run]
    at_most: float | None
    mb_at_most: float | None = None
    growth_at_most: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as long as the scan, median against median."""
        return _median(self.ours) / _median(self.scan) if self.scan else None

    @property
    def ratios(self) -> list[float]:
        """The same for each round, beside the one that ran next to it."""
        return [ours.seconds / scan.seconds for ours, scan in zip(self.ours, self.scan, strict=False)]

    @property
    def growth(self) -> float | None:
        """How many times as long as on the smaller ledger, median against median, for exactly ten times the events."""
        if not self.smaller:
            return None
        return _median(self.ours) / _median(self.smaller) * 10 * self.smaller_events / self.events

    @property
    def peak_mb(self) -> float:
        """The highest peak of all runs."""
        return max(run.peak_mb for run in self.ours)

    def as_json(self) -> dict[str, Any]:
        """Return both sides with every round as plain data."""
        return {
            "name": self.name,
            "what": self.what,
            "note": self.note,
            "events": self.events,
            "smaller_events": self.smaller_events,
            "ratio_to_scan": None if self.ratio is None else round(self.ratio, 2),
            "ratios": [round(ratio, 2) for ratio in self.ratios],
            "at_most": self.at_most,
            "peak_mb": round(self.peak_mb),
            "mb_at_most": self.mb_at_most,
            "growth": None if self.growth is None else round(self.growth, 2),
            "growth_at_most": self.growth_at_most,
            "ours": [_plain(run) for run in self.ours],
            "scan": [_plain(run) for run in self.scan],
            "smaller": [_plain(run) for run in self.smaller],
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the name of its work and of its scan in `benchmarks.questions`, and what it may cost."""

    name: str
    what: str
    work: str
    scan: str | None
    at_most: float | None
    mb_at_most: float | None = None
    growth_at_most: float | None = None
    note: str = ""


QUESTIONS = (
    Question("S7", "PHI by team and month, dwell by step, cohort funnel by region, freshness by team", "phi_and_funnel", "scan_of_measures", 4, 1_000),
    Question("S8", "replay of a stricter draft over all history: gates and indices", "replay_of_a_draft", "scan_of_decisions", 12, 2_000, 10.5),
)  # fmt: skip

HELPDESK = (
    Question("S12 rework", "rework by step", "rework", "scan_of_visits", None),
    Question("S12 dwell", "dwell by step", "dwell", "scan_of_visits", None),
    Question("S12 conformance", "required-path conformance with a reason for each violation", "conformance", "scan_of_visits", None),
    Question("S12 business hours", "dwell by step in business hours", "business_hours", "scan_of_visits", None),
)  # fmt: skip


def ask(
    question: Question,
    large: Path,
    small: Path | None,
    events: tuple[int, int],
    rounds: int,
    progress: Callable[[int, int], None],
) -> Analysis:
    """Measure a question, the two sides taking turns. Raises RuntimeError when two runs of one side do not give the same answer."""
    ours: list[Run] = []
    scan: list[Run] = []
    smaller: list[Run] = []
    for number in range(-1, rounds):
        # The first turn only brings the files into memory; it is not counted.
        found = run(question.work, large)
        read = None if question.scan is None else run(question.scan, large)
        less = run(question.work, small) if small is not None and question.growth_at_most else None
        if number >= 0:
            ours.append(found)
            scan += [] if read is None else [read]
            smaller += [] if less is None else [less]
        progress(number + 2, rounds + 1)
    if len({item.answer for item in ours}) > 1:
        raise RuntimeError(f"{question.name}: the same question had different answers")
    return Analysis(
        question.name, question.what, *events, ours, scan, smaller,
        question.at_most, question.mb_at_most, question.growth_at_most, question.note,
    )  # fmt: skip


def run(work: str, folder: Path) -> Run:
    """Do a piece of work on a ledger in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.questions", work, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{work} failed:\n{done.stderr[-4_000:]}")
    return Run(**json.loads(done.stdout))


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(item.seconds for item in runs)


def _plain(item: Run) -> dict[str, float | str]:
    return {
        "seconds": round(item.seconds, 3),
        "cpu_seconds": round(item.cpu_seconds, 3),
        "peak_mb": round(item.peak_mb),
        "answer": item.answer,
    }
