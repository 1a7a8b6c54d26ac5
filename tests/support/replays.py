"""Replays made by hand: an impact and its datasets, small enough to be counted by eye, and an engine that finds just that."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import orjson
import polars as pl

from infra.replays import Found, Wanted
from projections.ledger.running import Cancelled
from support.sales import ANNA, BEN

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
CAVEAT = {
    "zh": "每个决定都单独判断；若当时的答复不同，人们的做法也可能不同。",
    "en": "Each decision is judged on its own; people might have acted otherwise after another answer.",
}
_NAMES, _MOMENT = pl.List(pl.String()), pl.Datetime("us", "UTC")
DECISIONS = pl.Schema(
    {
        "position": pl.Int64(), "record": pl.String(), "kind": pl.String(), "playbook_version": pl.Int64(), "before": pl.String(), "after": pl.String(),
        "move": pl.String(), "path": pl.String(), "owner": pl.String(), "actor": pl.String(), "at": _MOMENT, "recorded_at": _MOMENT,
        "verdict": pl.String(), "requirements": _NAMES, "waived": _NAMES, "erased": pl.Boolean(), "delayed_until_position": pl.Int64(),
        "delayed_until_at": _MOMENT, "delayed_seconds": pl.Int64(), "never": pl.Boolean(),
    }
)  # fmt: skip
GATE_STATE = pl.Schema(
    {
        "record": pl.String(),
        "kind": pl.String(),
        "step": pl.String(),
        "next_step": pl.String(),
        "unmet": _NAMES,
        "unmet_published": _NAMES,
    }
)


def decisions(deals: Sequence[str]) -> pl.DataFrame:
    """One opening and one attempt to make an offer per deal: of four, one is newly refused, one newly allowed, one not judgeable."""
    rows: list[dict[str, Any]] = []
    verdicts = ["newly_refused", "newly_allowed", "not_judgeable", "unchanged"]
    for number, deal in enumerate(deals):
        owner = [ANNA, BEN, None][number % 3]
        about = {"record": deal, "kind": "deal", "playbook_version": 1, "path": None, "owner": owner, "actor": ANNA, "erased": False}  # fmt: skip
        nothing: dict[str, Any] = {"delayed_until_position": None, "delayed_until_at": None, "delayed_seconds": None, "never": None, "waived": []}  # fmt: skip
        at = AT + timedelta(hours=number)
        position = 10 + 2 * number
        rows.append({**about, **nothing, "position": position, "before": None, "after": "lead", "move": "open", "at": at, "recorded_at": at, "verdict": "unchanged", "requirements": []})  # fmt: skip
        verdict = verdicts[number % 4]
        asked = [] if verdict == "unchanged" else ["condition:worth_it", *(["field:amount"] if number % 8 == 0 else [])]  # fmt: skip
        late: dict[str, Any] = {}
        if verdict == "newly_refused":
            late = {"never": True} if number % 8 else {"never": False, "delayed_seconds": 3_600, "delayed_until_position": position + 9, "delayed_until_at": at + timedelta(hours=1)}  # fmt: skip
        waived = ["condition:worth_it"] if number == 3 else []
        rows.append({**about, **nothing, **late, "position": position + 1, "before": "lead", "after": "offer", "move": "forward", "at": at, "recorded_at": at, "verdict": verdict, "requirements": asked, "waived": waived})  # fmt: skip
    return pl.DataFrame(rows, schema=DECISIONS)


def impact_of(frame: pl.DataFrame, wanted: Wanted, replay: str) -> dict[str, Any]:
    """What an impact says of decisions: counted row by row, as one would with a pencil."""
    rows = frame.to_dicts()
    changed = [row for row in rows if row["verdict"] in ("newly_refused", "newly_allowed")]
    verdicts = Counter(row["verdict"] for row in rows)
    rules = []
    for verdict in ("newly_refused", "newly_allowed"):
        of_verdict = [row for row in rows if row["verdict"] == verdict]
        for name in sorted({name for row in of_verdict for name in row["requirements"]}):
            mine = [row for row in of_verdict if name in row["requirements"]]
            late = sorted(row["delayed_seconds"] for row in mine if row["delayed_seconds"] is not None)
            rules.append(
                {
                    "requirement": name, "verdict": verdict, "decisions": len(mine), "records": len({row["record"] for row in mine}),
                    "people": len({row["owner"] or row["actor"] for row in mine}),
                    "delayed_median_seconds": late[(len(late) - 1) // 2] if late else None, "never": sum(bool(row["never"]) for row in mine),
                }
            )  # fmt: skip
    edges = [
        {"before": before, "after": after, **{verdict: sum(row["verdict"] == verdict for row in rows if (row["before"], row["after"]) == (before, after)) for verdict in ("newly_refused", "newly_allowed", "not_judgeable")}}
        for before, after in sorted({(row["before"], row["after"]) for row in rows if row["verdict"] != "unchanged"}, key=str)
    ]  # fmt: skip
    people = [
        {"owner": owner, **{verdict: sum(row["verdict"] == verdict for row in rows if (row["owner"] or row["actor"]) == owner) for verdict in ("newly_refused", "newly_allowed", "not_judgeable")}}
        for owner in sorted({row["owner"] or row["actor"] for row in rows if row["verdict"] != "unchanged"})
    ]  # fmt: skip
    unknown = [row for row in rows if row["verdict"] == "not_judgeable"]
    return {
        "id": replay,
        "playbook": wanted.draft.name,
        "draft": {"digest": wanted.draft.digest, "number": wanted.number},
        "window": {"after": wanted.window.after, "upto": wanted.window.upto},
        "scope": {name: list(options) for name, options in wanted.scope.items()},
        "log": {"tenant": "t", "position": wanted.window.position, "clock": "database"},
        "caveat": CAVEAT,
        "law": {"decisions": len(rows), "reproduced": len(rows), "erased": 0, "different": []},
        "totals": {
            "judged": len(rows),
            **{
                name: verdicts[name]
                for name in ("unchanged", "newly_refused", "newly_allowed", "not_judgeable")
            },
            "waived": sum(bool(row["waived"]) for row in rows),
            "records": len({row["record"] for row in changed}),
            "people": len({row["owner"] or row["actor"] for row in changed}),
        },
        "rules": rules,
        "edges": edges,
        "people": people,
        "not_judgeable": [
            {"requirement": name, "why": "nobody knew", "decisions": sum(name in row["requirements"] for row in unknown)}
            for name in sorted({name for row in unknown for name in row["requirements"]})
        ],
        "indices": [
            {
                "index": "phi", "period": "2026-03", "cells": 2, "changed": 1,
                "movers": [
                    {"cell": {"owner": ANNA}, "before": "80.5", "after": "62", "delta": "-18.5",
                     "reasons": [{"component": "response", "what": "weight", "before": "30", "after": "50", "effect": "-18.5"}]},
                ],
            }
        ],
    }  # fmt: skip


def found(wanted: Wanted, deals: Sequence[str], replay: str = "0" * 64) -> Found:
    """A whole answer about deals."""
    frame = decisions(deals)
    gates = [
        {"record": deal, "kind": "deal", "step": "lead", "next_step": "offer", "unmet": ["condition:worth_it"], "unmet_published": []}
        for deal in deals
    ]  # fmt: skip
    values = {"index": ["phi"], "kind": ["deal"], "owner": [ANNA], "period": ["2026-03"], "published": ["80.5"], "draft": ["62"]}  # fmt: skip
    frames = {"decisions": frame, "gate_state": pl.DataFrame(gates, schema=GATE_STATE), "index_values": pl.DataFrame(values)}  # fmt: skip
    return Found(impact_of(frame, wanted, replay), frames)


class ByHand:
    """An engine that finds what is counted by hand, partition by partition; it can be made to wait, and to fail.

    Implements `infra.replays.Engine`.
    """

    def __init__(
        self, deals: Sequence[str], *, partitions: int = 4, fails: Callable[[], None] | None = None
    ) -> None:
        self.deals = deals
        self.partitions = partitions
        self.fails = fails
        self.runs = 0
        self.began = Event()
        self.may_go_on = Event()
        self.may_go_on.set()

    def id_of(self, view: Any, wanted: Wanted) -> str:
        """The hash of what is asked."""
        window, scope = wanted.window, sorted((k, list(v)) for k, v in wanted.scope.items())
        told = [view.manifest.tenant, wanted.draft.digest, window.after, window.upto, window.position, scope]
        return hashlib.sha256(orjson.dumps(told)).hexdigest()

    def run(self, view: Any, tenant: Any, wanted: Wanted, progress: Any, cancelled: Any) -> Found:
        """Find it."""
        self.runs += 1
        self.began.set()
        for partition in range(self.partitions):
            while not self.may_go_on.wait(0.02):
                if cancelled():
                    raise Cancelled
            if cancelled():
                raise Cancelled
            progress(partition + 1, self.partitions)
        if self.fails is not None:
            self.fails()
        return found(wanted, self.deals, self.id_of(view, wanted))
