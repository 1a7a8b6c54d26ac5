"""The page of benchmarks, written from the kept figures and from nothing else."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_BEGIN = """# Benchmarks

Written by `make bench` from `benchmarks/results/*.json`; do not edit.
Absolute times do not carry from one machine to another. A comparison is a ratio: both sides are measured in one run,
on the same server with the same pool, taking turns round by round; what is given is the median, with the lowest and the highest round.
"""

_LOADS = """
## The simulated organisation over HTTP

Salespeople, their managers and sales operations work over HTTP: they open, edit, move, note, attach and correct,
and a gate refuses some of it. The story is rehearsed on a log of its own first, so what is sent, and when, depends on no answer of the service.
Each command has its moment in the plan, whether or not the service keeps up, and *latency counts from that moment*,
so a service that stalls cannot hide it by keeping requests from being sent. The *service time* counts from the first sending.
Commands of one record keep their order; one that waits for another is late by that wait, which is part of its latency.
The service, the load generator and PostgreSQL share the machine, each command is durable (fsync) before it is answered,
and every run ends with reading all events back: each acknowledged command stands in the log exactly once, or the run says which does not.

Try another one: `python -m benchmarks.load --rate 200 --concurrency 32 --commands 5000 --faults 0.01 --seed 7`
(`--url` for a service that runs already, `--json` for figures, `--help` for the rest).
Faults are dropped connections, requests sent twice at the same time, requests whose second half is late, and clients that die while they send.
"""

_COMPARISONS = """
## Appending

One event with a key, a version, a position and a hash against `Application.save` of the event store library as it comes
(eventsourcing 9.5), which has no key, no read set and no seal. Our side is what the command bus calls; deciding and HTTP are not in it on either side.
"""

_ANALYSES = """
## Questions to a big ledger

The ledger is a told year of 40 people (refusals, overrides, back moves, corrected touches, two versions of the playbook), copied as a whole
until there are as many events, written in the ledger's own format with one segment a partition, as after `dealtrail ledger rebuild`.
Copies differ in names, places in the log and, within ten minutes, in moments; sealed values are copied as they are.
The other side is a plain Polars scan of the same Parquet files that reads all columns the question needs and does nothing with them.
Each run is a process of its own, so the peak is its own resident memory (interpreter and libraries, about 150 MB, included); files are in
the page cache; time counts from the opened ledger to the finished answer. Growth is the time for ten times the events, median against median.

Try it: `make bench ARGS="s7 s8"`, with `--events 1000000` for less, with `--ledgers FOLDER` to keep the ledgers for the next time.
S12 needs the public help desk log (`DEALTRAIL_TEST_DATA`); only our own side is measured here.
"""


_DEADLINES = """
## Deadlines

So many deadlines become due each second; processes of their own (`dealtrail deadlines run`) keep the timer table and notice them, each as an event of the log.
How late one was counts from the moment it was due to the moment its event was recorded, both by the clock of the database, on the same machine.

Try another one: `python -m benchmarks.deadlines --per-second 500 --seconds 60 --processes 2 --workers 2`.
"""


def page(results: Path) -> str:
    """Return the page for a folder of results."""
    found = [json.loads(path.read_text("utf-8")) for path in sorted(results.glob("*.json"))]
    comparisons = [item for item in found if "appends_a_round" in item]
    analyses = sorted((item for item in found if "ratio_to_scan" in item), key=_number)
    loads = sorted(
        (item for item in found if "plan" in item),
        key=lambda item: (item["plan"]["rate"], item["plan"]["faults"]),
    )
    lateness = [item for item in found if "due_per_second" in item]
    parts = [_BEGIN]
    if comparisons:
        parts += [
            _COMPARISONS,
            "\n",
            _table(_HEAD_OF_COMPARISONS, [_comparison(item) for item in comparisons]),
        ]
        parts += [
            "\nRounds, in appends a second:\n\n",
            _table(["id", "dealtrail", "stock"], [_rounds(item) for item in comparisons]),
        ]
    if analyses:
        parts += [_ANALYSES, "\n", _table(_HEAD_OF_ANALYSES, [_analysis(item) for item in analyses])]
        parts += ["".join(f"\n{note}\n" for note in dict.fromkeys(_note(item) for item in analyses) if note)]
        parts += [
            "\nRounds, in seconds:\n\n",
            _table(
                ["id", "dealtrail", "scan", "dealtrail, a tenth of the events"],
                [_seconds(item) for item in analyses],
            ),
        ]
    if loads:
        parts += [_LOADS, "\n", _table(_HEAD_OF_LOADS, [_load(item) for item in loads])]
    if lateness:
        parts += [_DEADLINES, "\n", _table(_HEAD_OF_LATENESS, [_lateness(item) for item in lateness])]
    parts.append(_machines([*comparisons, *analyses, *loads, *lateness]))
    return "".join(parts)


_HEAD_OF_COMPARISONS = [
    "id",
    "work",
    "dealtrail /s",
    "stock /s",
    "ratio (lowest – highest)",
    "to beat",
    "p99 ms",
    "stock p99 ms",
]
_HEAD_OF_LOADS = [
    "plan",
    "carried /s",
    "latency p50",
    "p95",
    "p99 (ms)",
    "service time p50",
    "p95",
    "p99 (ms)",
    "accepted",
    "refused",
    "failed",
    "sent again",
    "exactly once",
]


def _comparison(item: dict[str, Any]) -> list[str]:
    ratios = item["ratios"]
    return [
        item["name"],
        item["what"],
        f"{_median(item['ours'], 'per_second'):,.0f}",
        f"{_median(item['stock'], 'per_second'):,.0f}",
        f"**{item['ratio']:.2f} ×** ({min(ratios):.2f} – {max(ratios):.2f})",
        f"≥ {item['to_beat']:g} ×, aim {item['aim']:g} ×",
        f"{_median(item['ours'], 'p99_ms'):,.1f}",
        f"{_median(item['stock'], 'p99_ms'):,.1f}",
    ]


def _rounds(item: dict[str, Any]) -> list[str]:
    return [
        item["name"],
        *(", ".join(f"{it['per_second']:,.0f}" for it in item[side]) for side in ("ours", "stock")),
    ]


def _load(item: dict[str, Any]) -> list[str]:
    plan, latency, service = item["plan"], item["latency_ms"], item["service_ms"]
    faults = f", faults {plan['faults']:.0%}" if plan["faults"] else ""
    return [
        f"{plan['commands']:,} at {plan['rate']:,g}/s, {plan['concurrency']} connections{faults}",
        f"{item['commands_per_second']:,.0f}",
        *(f"{latency[name]:,.0f}" for name in ("p50", "p95", "p99")),
        *(f"{service[name]:,.0f}" for name in ("p50", "p95", "p99")),
        f"{item['accepted']:,}",
        f"{item['refused']:,}",
        f"{item['failed']:,}",
        f"{item['retries']:,}",
        "yes" if item["verdict"]["is_good"] else "**no**: " + "; ".join(item["verdict"]["problems"]),
    ]


_HEAD_OF_LATENESS = ["due a second", "for s", "by", "noticed", "late by p50 s", "p99 s", "at most", "most s"]


def _lateness(item: dict[str, Any]) -> list[str]:
    return [
        f"{item['due_per_second']:,}",
        f"{item['seconds']:,}",
        f"{item['processes']} processes of {item['workers']} threads",
        f"{item['noticed']:,}",
        f"{item['p50_seconds']:,.3f}",
        f"**{item['p99_seconds']:,.3f}**",
        f"{item['p99_at_most_seconds']:g}",
        f"{item['most_seconds']:,.3f}",
    ]


_HEAD_OF_ANALYSES = [
    "id",
    "question",
    "events",
    "dealtrail s",
    "scan s",
    "ratio (lowest – highest)",
    "at most",
    "peak MB",
    "at most",
    "growth",
    "at most",
]


def _analysis(item: dict[str, Any]) -> list[str]:
    ratios = item["ratios"]
    ratio = f"**{item['ratio_to_scan']:.1f} ×** ({min(ratios):.1f} – {max(ratios):.1f})" if ratios else "–"
    return [
        item["name"],
        item["what"],
        f"{item['events']:,}",
        f"{_median(item['ours'], 'seconds'):,.2f}",
        f"{_median(item['scan'], 'seconds'):,.2f}" if item["scan"] else "–",
        ratio,
        "–" if item["at_most"] is None else f"{item['at_most']:g} ×",
        f"{item['peak_mb']:,}",
        "–" if item["mb_at_most"] is None else f"{item['mb_at_most']:,g}",
        "–" if item["growth"] is None else f"{item['growth']:.1f} ×",
        "–" if item["growth_at_most"] is None else f"{item['growth_at_most']:g} ×",
    ]


def _note(item: dict[str, Any]) -> str:
    return f"{item['name'].split()[0]}: {item['note']}." if item["note"] else ""


def _number(item: dict[str, Any]) -> tuple[int, str]:
    return int(item["name"].split()[0].removeprefix("S")), item["name"]


def _seconds(item: dict[str, Any]) -> list[str]:
    sides = (item["ours"], item["scan"], item["smaller"])
    return [item["name"], *(", ".join(f"{run['seconds']:,.2f}" for run in side) or "–" for side in sides)]


def _machines(items: Sequence[dict[str, Any]]) -> str:
    lines = {
        f"{machine['cores']} cores, Python {machine['python']}, PostgreSQL {machine['postgresql']}, {machine['system']}"
        for machine in (item["machine"] for item in items)
    }
    return "\nMeasured on: " + "; ".join(sorted(lines)) + ".\n"


def _median(rounds: Sequence[dict[str, float]], figure: str) -> float:
    ordered = sorted(item[figure] for item in rounds)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
