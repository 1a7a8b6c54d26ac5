"""The stage metrics of the public data sets equal figures that a few lines of plain Python make from the files themselves."""

import csv
import gzip
import os
import shutil
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from support.real_data import EXAMPLES, import_into

from infra.ledger import ObjectStoreLedger
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant
from projections.ledger.ledger import Ledger
from projections.ledger.view import View
from projections.metrics.asking import ask_of
from projections.metrics.cells import cases, measure
from projections.metrics.reading import Reading

DATA = Path(os.environ.get("DEALTRAIL_TEST_DATA") or "")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not os.environ.get("DEALTRAIL_TEST_DATA"),
        reason="DEALTRAIL_TEST_DATA is unset; it names the folder of the public data sets",
    ),
]

XES = "{http://www.xes-standard.org/}"


# ── what the files say ───────────────────────────────────────────────────────────────────────────────────────────────


def cases_of_the_help_desk() -> list[list[tuple[str, datetime]]]:
    """Each case as its activities in order, by the names of the playbook."""
    named = yaml.safe_load((EXAMPLES / "helpdesk.mapping.yaml").read_text())
    steps = named["records"]["ticket"]["stages"]["activities"]
    with gzip.open(DATA / "helpdesk" / "helpdesk.xes.gz") as file:
        root = ET.parse(file).getroot()
    found = []
    for trace in (element for element in root if element.tag.endswith("trace")):
        events = []
        for event in (element for element in trace if element.tag.endswith("event")):
            told = {item.get("key"): item.get("value") for item in event}
            events.append((steps[told["concept:name"]], datetime.fromisoformat(told["time:timestamp"])))
        found.append(events)
    return found


def deals_of_the_crm() -> list[dict[str, str]]:
    with (DATA / "crm" / "sales_pipeline.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def day(text: str) -> datetime:
    return datetime.strptime(f"{text} +0000", "%m/%d/%Y %z")


def mean(seconds: list[int]) -> Decimal:
    exact = Decimal(sum(seconds)) / Decimal(len(seconds))
    return exact.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)


def nearest_rank(seconds: list[int], percent: int) -> int:
    return sorted(seconds)[-(-len(seconds) * percent // 100) - 1]


def percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / Decimal(whole)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)


# ── what the product says ────────────────────────────────────────────────────────────────────────────────────────────


class Measured:
    """Both data sets in one log, and its ledger."""

    def __init__(self, tenant: Tenant, view: View) -> None:
        self.tenant = tenant
        self.view = view

    def reading(self, kind: str) -> Reading:
        head = self.tenant.log.read(self.view.position, self.view.position)[0]
        return Reading.of(self.tenant.reads.playbooks(), kind, self.view.position, head.recorded_at)

    def numbers(self, kind: str, metric: str, by: str = "", **told: str) -> dict[str | None, dict]:
        """The numbers of a metric by the one dimension that is asked for."""
        reading = self.reading(kind)
        asked = ask_of(reading, by=by, period=told.pop("period", None), parameters=told)
        rows = measure(self.view, reading, metric, asked).frame.to_dicts()
        return {row[by] if by else None: row for row in rows}


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    home = Path(tempfile.mkdtemp(prefix="dt_"))
    home.chmod(0o755)
    try:
        with open_tenant(Settings(home=home, tenant="real_metrics", database_url=None)) as tenant:
            for name in ("crm", "helpdesk"):
                import_into(tenant, name, DATA / name)
            ledger = Ledger(ObjectStoreLedger.in_folder(home / "ledger"), tenant.log)
            ledger.update()
            yield Measured(tenant, ledger.at())
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_where_the_tickets_stand(measured):
    """4,580 tickets, each in the step of its last activity."""
    by_hand = Counter(case[-1][0] for case in cases_of_the_help_desk())
    found = measured.numbers("ticket", "stage_distribution", "step")
    assert {step: row["records"] for step, row in found.items()} == by_hand
    assert sum(by_hand.values()) == 4_580


def test_how_long_tickets_stood_in_each_step(measured):
    """Mean, median and ninetieth percentile of every step, from one activity to the next."""
    seconds: dict[str, list[int]] = defaultdict(list)
    visits, running = Counter(), Counter()
    for case in cases_of_the_help_desk():
        visits.update(step for step, _ in case)
        running[case[-1][0]] += 1
        for (step, entered), (_, left) in pairwise(case):
            seconds[step].append(int((left - entered).total_seconds()))
    found = measured.numbers("ticket", "dwell", "step")
    assert found.keys() == visits.keys()
    for step, row in found.items():
        assert (row["visits"], row["running"]) == (visits[step], running[step])
        assert (row["unknown"], row["disordered"], row["judged"]) == (0, 0, len(seconds[step]))
        if seconds[step]:
            assert row["mean_seconds"] == mean(seconds[step])
            assert row["median_seconds"] == nearest_rank(seconds[step], 50)
            assert row["p90_seconds"] == nearest_rank(seconds[step], 90)
        else:
            assert row["mean_seconds"] is None, "nothing was judged, so nothing is known"


def test_the_rework_of_the_help_desk(measured):
    """944 activities follow themselves; the others that come again, and the steps back and out of the end, are counted apart."""
    playbook = yaml.safe_load((EXAMPLES / "helpdesk.playbook.yaml").read_text())
    order = list(playbook["kinds"]["ticket"]["stages"])
    loops = repetitions = backs = reopened = visits = 0
    for case in cases_of_the_help_desk():
        seen: set[str] = set()
        for before, (step, _) in zip([None, *(name for name, _ in case)], case, strict=False):
            visits += 1
            if before == step:
                loops += 1
            else:
                repetitions += step in seen
                if before == "closed":
                    reopened += 1
                elif before is not None and step != "closed" and order.index(step) < order.index(before):
                    backs += 1
            seen.add(step)
    row = measured.numbers("ticket", "rework")[None]
    assert loops == 944
    assert (row["visits"], row["self_loops"], row["repetitions"], row["backtracks"], row["reopenings"]) == (
        visits, loops, repetitions, backs, reopened,
    )  # fmt: skip
    moves = measured.numbers("ticket", "return_rate")[None]
    assert (moves["moves"], moves["returns"]) == (visits - 4_580, backs)
    assert moves["rate_percent"] == percent(backs, visits - 4_580)


def test_where_the_deals_stand(measured):
    """8,800 deals by stage, and by the region of whoever sells them."""
    deals = deals_of_the_crm()
    found = measured.numbers("opportunity", "stage_distribution", "step")
    assert {step: row["records"] for step, row in found.items()} == Counter(
        deal["deal_stage"].lower() for deal in deals
    )
    with (DATA / "crm" / "sales_teams.csv").open(newline="") as file:
        office = {row["sales_agent"]: row["regional_office"] for row in csv.DictReader(file)}
    by_region = measured.numbers("opportunity", "stage_distribution", "region")
    assert {region: row["records"] for region, row in by_region.items()} == Counter(
        office[deal["sales_agent"]] for deal in deals
    )


def test_how_long_deals_were_engaged(measured):
    """From the day of engaging to the day of closing; a deal that is still engaged is running, and in no mean."""
    closed = [deal for deal in deals_of_the_crm() if deal["close_date"]]
    seconds = [int((day(d["close_date"]) - day(d["engage_date"])).total_seconds()) for d in closed]
    row = measured.numbers("opportunity", "dwell", "step")["engaging"]
    assert (row["visits"], row["running"], row["judged"]) == (8_300, 8_300 - len(closed), len(closed))
    assert (row["mean_seconds"], row["median_seconds"]) == (mean(seconds), nearest_rank(seconds, 50))
    unknown = measured.numbers("opportunity", "dwell", "step")["prospecting"]
    assert (unknown["visits"], unknown["running"], unknown["running_mean_seconds"]) == (500, 500, None)


@pytest.mark.parametrize("month", ["2017-01", "2017-04", "2017-12"])
def test_how_many_of_a_month_were_won(measured, month):
    """The deals engaged in a month, and what became of them since; the drill-down is as long as the number."""
    year, number = map(int, month.split("-"))
    cohort = [
        deal["deal_stage"]
        for deal in deals_of_the_crm()
        if deal["engage_date"]
        and (day(deal["engage_date"]).year, day(deal["engage_date"]).month) == (year, number)
    ]
    asked = {"from": "engaging", "to": "won", "variant": "cohort", "period": month}
    row = measured.numbers("opportunity", "conversion", **asked)[None]
    counts = Counter(cohort)
    assert (row["entered"], row["reached"], row["lost"], row["running"]) == (
        len(cohort), counts["Won"], counts["Lost"], counts["Engaging"],
    )  # fmt: skip
    assert row["rate_percent"] == percent(counts["Won"], len(cohort))
    reading = measured.reading("opportunity")
    ask = ask_of(reading, period=month, parameters={k: v for k, v in asked.items() if k != "period"})
    assert cases(measured.view, reading, "conversion", ask, "reached", {}).height == counts["Won"]
