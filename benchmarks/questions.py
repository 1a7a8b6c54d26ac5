"""The questions themselves, and the plain scans beside them: `python -m benchmarks.questions WORK FOLDER` does one and prints what it took."""

import gc
import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import polars as pl

import playbooks
from benchmarks.history import BigLedger
from commands.holiday_calendar import explicit
from commands.playbook_file import read_playbook
from consumers.simulator.revision import revised
from domain.facts import Erased
from domain.playbook.working_time import WorkingTime
from domain.values import Stored
from projections.ledger.tables import TABLES
from projections.metrics.asking import ask_of
from projections.metrics.cells import measure
from projections.metrics.indices import index_beside
from projections.metrics.reading import Reading
from projections.replay.asking import INDICES, Ask, Window
from projections.replay.engine import replay

DRAFT = "smart_hardware.stricter-gate.draft.yaml"
OPPORTUNITY = "opportunity"
TICKET = "ticket"

Columns = Mapping[str, Sequence[str]]

_OF = ("record", "kind", "position")

MEASURED: Columns = {
    "records": (*_OF, "path"),
    "visits": (
        *_OF, "step", "entered_at", "entered_recorded_at", "move", "before", "left_position", "left_at", "left_recorded_at", "next_step"
    ),
    "field_changes": (*_OF, "field", "new", "at", "recorded_at"),
    "confirmations": (*_OF, "field", "at", "recorded_at"),
    "touches": (*_OF, "until", "noted", "touch_kind", "at", "gone"),
    "evidence": (*_OF, "field", "at"),
    "owners": (*_OF, "recorded_at", "until", "owner"),
    "people": ("person", "position", "recorded_at", "until", "team", "region"),
}  # fmt: skip
"""What PHI, dwell, funnel and freshness rest on, as their contracts say."""

DECIDED: Columns = {
    **MEASURED,
    "field_changes": (*_OF, "field", "old", "new", "at", "recorded_at"),
    "evidence": (*_OF, "field", "valid_until", "at"),
    "people": ("person", "position", "recorded_at", "until", "team", "region", "active", "roles"),
    "decisions": (
        *_OF, "began", "basis", "record_version", "at", "recorded_at", "decided_at", "before", "after", "move", "has_reason", "waived",
        "edits", "unknown", "path", "owner", "actor", "on_behalf_of", "playbook", "playbook_version",
    ),
    "outcomes": ("record", "position", "accepted", "unmet"),
}  # fmt: skip
"""What gates and move rights rest on besides, and what the law is compared with."""

STAYS: Columns = {
    "records": (*_OF, "opened_at", "path"),
    "visits": (
        *_OF, "entry", "step", "entered_at", "move", "before", "left_position", "left_at", "next_step", "path", "overridden"
    ),
}  # fmt: skip
"""What rework, dwell and conformance rest on."""


def scan(big: BigLedger, columns: Columns) -> pl.DataFrame:
    """Read columns of the same files with nothing but Polars, one table after the other."""
    view = big.view
    rows = []
    for table, names in columns.items():
        files = [
            view.store.path(segment.name, segment.size_bytes, segment.sha256)
            for segment in view.manifest.of(table)
        ]
        if not files:
            continue
        read = pl.scan_parquet(files, schema=TABLES[table].stored, glob=False).select(names).collect()
        rows.append((table, read.height, read.width))
    return pl.DataFrame(rows, schema=["table", "rows", "columns"], orient="row")


def reading_of(big: BigLedger, kind: str) -> Reading:
    """Read as of the end of the ledger, at the moment of its last event."""
    last = big.view.scan("events").select(pl.col("recorded_at").max()).collect().item()
    return Reading.of(big.playbooks, kind, big.head(), last)


def phi_and_funnel(big: BigLedger) -> pl.DataFrame:
    """The index of two months by team, dwell by step, the funnel from a diagnosis to the payment by region, freshness by team."""
    reading = reading_of(big, OPPORTUNITY)
    funnel = {"from": "needs_diagnosis", "to": "paid"}
    metrics = [
        ("dwell", ask_of(reading, by="step"), None),
        ("conversion", ask_of(reading, by="region", parameters=funnel), None),
        ("freshness", ask_of(reading, by="team"), None),
    ]
    (phi,), beside = index_beside(
        big.view, reading, "phi", [["team"]], ("2026-05", "2026-06"), metrics=metrics
    )
    return _together(phi.values, phi.components, *(cells.frame for cells in beside))


def measured(big: BigLedger, reading: Reading, metric: str, **asked: Any) -> pl.DataFrame:
    """Measure one metric over all history."""
    return measure(big.view, reading, metric, ask_of(reading, **asked)).frame


def rework(big: BigLedger) -> pl.DataFrame:
    """How often each step is entered again, by which kind of return."""
    return measured(big, reading_of(big, TICKET), "rework", by="step")


def dwell(big: BigLedger) -> pl.DataFrame:
    """How long tickets stay in each step, by the clock."""
    return measured(big, reading_of(big, TICKET), "dwell", by="step")


def conformance(big: BigLedger) -> pl.DataFrame:
    """How many tickets went the required way, and how often each violation occurs."""
    reading = reading_of(big, TICKET)
    whole = measured(big, reading, "conformance")
    return _together(whole, measured(big, reading, "conformance", by="violation"))


def business_hours(big: BigLedger) -> pl.DataFrame:
    """How long tickets stay in each step in working hours; the public log has no calendar, so a usual week is lent to it."""
    reading = reading_of(big, TICKET)
    calendar = explicit(A_USUAL_WEEK, reading.document.time_zone)
    document = reading.document.model_copy(update={"calendar": calendar})
    lent = replace(reading, document=document)
    found = measured(big, lent, "dwell", by="step")
    if found.get_column("business_mean_seconds").null_count() == found.height:
        raise RuntimeError("no duration could be told in working hours")
    return found


def _together(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([pl.DataFrame({"answer": [frame.write_json()]}) for frame in frames])


def replay_of_a_draft(big: BigLedger) -> pl.DataFrame:
    """Judge every decision there is again, under the rules of its version and under a draft; measure the indices under both."""
    draft = revised(read_playbook(Path(playbooks.__file__).parent / DRAFT), OPPORTUNITY)
    asked = Ask(Window(0, big.head()), draft=draft, about=frozenset({INDICES}))
    found = replay(big.view, big.playbooks, NoKeys(), asked)
    told = orjson.dumps({**found.impact, "law": vars(found.law)}, option=orjson.OPT_SORT_KEYS, default=str)
    counts = found.decisions.group_by("verdict").len().sort("verdict")
    if found.law.different:
        raise RuntimeError(
            f"the law does not hold at {len(found.law.different):,} positions, first {found.law.different[:5]}"
        )
    return pl.concat(
        [
            counts.select(pl.col("verdict"), pl.col("len").cast(pl.String)),
            pl.DataFrame({"verdict": ["impact"], "len": [told.decode()]}),
        ]
    )


A_USUAL_WEEK = WorkingTime.model_validate(
    {
        "hours": {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
        "first_year": 2009,
        "last_year": 2016,
    }
)
"""The public log is of the years 2010 to 2014."""


class NoKeys:
    """No keys at all: no rule here asks for a personal value, and one that did would be found out."""

    def keyring(self) -> "NoKeys":
        """Begin a unit of work."""
        return self

    def prepare(self, subjects: Sequence[str]) -> None:
        """Fetch nothing."""

    def reveal(self, stream: str, field: str, stored: Stored) -> Stored | Erased:
        """Refuse. Raises RuntimeError."""
        del stored
        raise RuntimeError(f"a rule asks for the personal {field} of {stream}")


WORKS: dict[str, Callable[[BigLedger], pl.DataFrame]] = {
    "phi_and_funnel": phi_and_funnel,
    "replay_of_a_draft": replay_of_a_draft,
    "rework": rework,
    "dwell": dwell,
    "conformance": conformance,
    "business_hours": business_hours,
    "scan_of_measures": lambda big: scan(big, MEASURED),
    "scan_of_decisions": lambda big: scan(big, DECIDED),
    "scan_of_visits": lambda big: scan(big, STAYS),
}


def peak_bytes() -> int:
    """The peak of this process's own resident memory.

    On Linux that is VmHWM: the peak getrusage tells of is kept over exec, so that a small run would show its parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024


def main(work: str, folder: str) -> None:
    """Do one piece of work and print how long it took, the peak memory of this process, and the digest of the answer."""
    big = BigLedger.opened(Path(folder))
    assert big.playbooks.versions
    gc.collect()
    began, used = time.perf_counter(), time.process_time()
    answer = WORKS[work](big)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    peak = peak_bytes() / 1_000_000
    digest = hashlib.sha256(answer.write_csv().encode()).hexdigest()[:16]
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak, "answer": digest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
