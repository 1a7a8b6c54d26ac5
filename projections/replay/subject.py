"""What a replay answers about one subject beside gates: deadlines, approvals, assignment, reactions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from projections.replay.law import LawFigures

CHANGES: Final = ("changed", "gone", "new")
VERDICTS: Final = ("unchanged", *CHANGES, "not_judgeable")
"""`gone`: it was, and would not have been; `new`: the other way round; `changed`: it would have been otherwise."""


@dataclass(frozen=True)
class Subject:
    """One subject's part of a replay: whether the published rules say again what was decided, and what the draft changes.

    `impact` is plain JSON: `totals`, `rules`, `people` and `why`, each number as many rows of the dataset of the same name as the subject.
    Without a draft it is empty, and so are the datasets.
    """

    name: str
    law: LawFigures
    impact: Mapping[str, Any] = field(default_factory=dict)
    datasets: Mapping[str, pl.DataFrame] = field(default_factory=dict, repr=False)
