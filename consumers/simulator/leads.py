"""A year of leads: they come in without an owner, a pool finds one, and whoever it is works on them, until they are won or lost.

People are away, some leave, some join, some know a trade and some do not: what a pool has to reckon with.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from consumers.simulator.departments import Settle
from consumers.simulator.desk import OPERATOR, Bus, Desk
from consumers.simulator.names import person_name
from consumers.simulator.scenario import Scenario, Summary
from consumers.simulator.working_days import HALVES, Clock, Half, days_of, is_working_day, later, season
from domain.events import OwnerChanged
from domain.organisation.commands import AddPerson, FormTeam, NoteAbsence, RemovePerson, SetSkills
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import ChangeStage, OpenRecord, RecordTouch

PLAYBOOK: Final = "leads"
KIND: Final = "lead"
_REGIONS: Final = (("east", "华东"), ("south", "华南"), ("north", "华北"), ("west", "西部"))
_SHARES: Final = (0.4, 0.25, 0.2, 0.15)
_TRADES: Final = ("医疗", "电力", "零售", "制造")
_SOURCES: Final = ("website", "fair", "referral", "campaign")
_LOST: Final = ("price", "timing", "competitor", "no_response")
_LEADS_A_DAY: Final = 4.0
_USUAL_PEOPLE: Final = 42
_AT_HEADQUARTERS: Final = 2
_AWAY_A_DAY: Final = 0.012
_KEY_ACCOUNTS: Final = 0.12
_NEEDS: Final = ("院内设备联网", "变电站在线监测", "门店能耗管理", "产线数据采集", "冷链温度追踪")


@dataclass
class _Seller:
    """Somebody who works on leads. `charm` wins them."""

    id: str
    team: str
    charm: float
    is_there: bool = True


@dataclass
class _Lead:
    """A lead somebody works on, and the day of the next step."""

    stream: str
    stage: str
    due: date
    owner: str | None = None
    touched: bool = False


def simulate_leads(
    bus: Bus,
    playbook: PublishedPlaybook,
    scenario: Scenario,
    settle: Settle,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Let leads come in for the days of a scenario, under the playbook `leads`; `settle` lets the pools find owners after every half day.

    The log must be a simulated one that tells no later time than the scenario's first day.
    `progress` learns how many days of how many are over. Raises SimulationStopped, ValueError for another playbook.
    """
    if playbook.name != PLAYBOOK:
        raise ValueError(f"leads come in under the playbook {PLAYBOOK!r}, not under {playbook.name!r}")
    return _Year(bus, playbook, scenario, settle).run(progress)


class _Year:
    """Everything that goes on."""

    def __init__(self, bus: Bus, playbook: PublishedPlaybook, scenario: Scenario, settle: Settle) -> None:
        self._rng = random.Random(f"leads of {scenario.seed}")  # noqa: S311 — the same seed must tell the same story
        self._scenario = scenario
        self._playbook = playbook
        self._settle = settle
        self._zone = ZoneInfo(playbook.document.time_zone)
        self._desk = Desk(bus, self._rng, scenario.seed)
        self._taken: set[str] = set()
        self._sellers: dict[str, _Seller] = {}
        self._leads: dict[str, _Lead] = {}

    def run(self, progress: Callable[[int, int], None] | None) -> Summary:
        """Go through the days."""
        days = days_of(self._scenario)
        working = [day for day in days if is_working_day(day)] or days
        leaving, joining = working[len(working) // 3], working[len(working) // 2]
        for index, day in enumerate(days):
            if day in working:
                if day == working[0]:
                    self._found(day)
                if day == leaving:
                    self._somebody_leaves(day)
                if day == joining:
                    self._join(self._clock(day, "morning"), _REGIONS[0][0])
                for half in HALVES:
                    self._half_a_day(day, half)
            if progress is not None:
                progress(index + 1, len(days))
        return self._desk.summary

    def _half_a_day(self, day: date, half: Half) -> None:
        rng, people = self._rng, self._scenario.people
        for _ in self._so_many(
            _LEADS_A_DAY * season(day) * self._scenario.pace * people / _USUAL_PEOPLE / len(HALVES)
        ):
            self._a_lead(self._clock(day, half))
        for seller in self._sellers.values():
            if seller.is_there and rng.random() < _AWAY_A_DAY / len(HALVES):
                clock = self._clock(day, half)
                ends = self._clock(later(day, rng.choice((1, 3, 5, 10))), "morning").now
                self._desk.put(clock.tick(), seller.id, NoteAbsence(seller.id, ends=ends), reason="休假")
        for lead in list(self._leads.values()):
            if lead.owner is not None and lead.due <= day and rng.random() < 0.6:
                self._work_on(lead, self._clock(day, half))
        self._desk.submit()
        for recorded in self._settle():
            assigned = self._leads.get(recorded.stream)
            if assigned is not None and isinstance(recorded.event, OwnerChanged):
                assigned.owner, assigned.due = recorded.event.after, later(day, 1)

    def _so_many(self, mean: float) -> range:
        return range(int(mean) + (self._rng.random() < mean - int(mean)))

    def _a_lead(self, clock: Clock) -> None:
        rng = self._rng
        region = rng.choices([name for _, name in _REGIONS], _SHARES)[0]
        trade = rng.choice(_TRADES)
        stream = f"{KIND}/{self._desk.new_id('lea')}"
        fields = {
            "company": f"{region}{trade}客户{rng.randrange(10_000):04d}",
            "region": region,
            "industry": trade,
            "source": rng.choice(_SOURCES),
            "grade": "key" if rng.random() < _KEY_ACCOUNTS else "normal",
        }
        self._desk.put(clock.tick(), OPERATOR, OpenRecord(stream, fields))
        self._leads[stream] = _Lead(stream, "assigned", clock.day)

    def _work_on(self, lead: _Lead, clock: Clock) -> None:
        """Do the next thing: get in touch, find out what is needed, win it or not."""
        rng, seller = self._rng, self._sellers.get(lead.owner or "")
        if seller is None or not seller.is_there:
            return
        put, who = self._desk.put, seller.id
        if not lead.touched:
            touch = RecordTouch(
                lead.stream, self._desk.new_id("tou"), rng.choice(("call", "wechat", "visit"))
            )
            put(clock.tick(), who, touch)
            lead.touched = True
        if lead.stage == "assigned":
            put(clock.tick(), who, ChangeStage(lead.stream, "contacted"))
            lead.stage, lead.due = "contacted", later(clock.day, rng.randint(1, 5))
        elif lead.stage == "contacted" and rng.random() < 0.55:
            fields = {"needs": rng.choice(_NEEDS), "expected_amount": str(rng.randint(5, 90) * 10_000)}
            put(clock.tick(), who, ChangeStage(lead.stream, "qualified", fields))
            lead.stage, lead.due = "qualified", later(clock.day, rng.randint(3, 15))
        else:
            is_won = lead.stage == "qualified" and rng.random() < seller.charm
            step, lost = ("won", {}) if is_won else ("lost", {"lost_reason": rng.choice(_LOST)})
            put(clock.tick(), who, ChangeStage(lead.stream, step, lost))
            del self._leads[lead.stream]

    # ── the organisation ─────────────────────────────────────────────────────────────────────────────────────────────

    def _found(self, day: date) -> None:
        clock = self._clock(day, "morning")
        put = self._desk.put
        put(clock.tick(), OPERATOR, PublishPlaybook(self._playbook))
        put(clock.tick(), OPERATOR, FormTeam("hq", "总部", "总部"))
        for team, region in _REGIONS:
            put(clock.tick(), OPERATOR, FormTeam(team, f"{region}一部", region))
        for _ in range(_AT_HEADQUARTERS):
            self._join(clock, "hq", "hq_sales")
        for index in range(max(len(_REGIONS), self._scenario.people - _AT_HEADQUARTERS)):
            self._join(clock, _REGIONS[index % len(_REGIONS)][0])
        self._desk.submit()

    def _join(self, clock: Clock, team: str, role: str = "sales") -> None:
        rng = self._rng
        name, latin = person_name(rng, self._taken)
        person = f"person/{self._desk.new_id('per')}"
        put = self._desk.put
        put(
            clock.tick(), OPERATOR, AddPerson(person, name, team, None, (role,), f"{latin}@dealtrail.example")
        )
        skills = tuple(sorted(rng.sample(_TRADES, rng.choice((0, 1, 1, 2)))))
        if skills:
            put(clock.tick(), OPERATOR, SetSkills(person, skills))
        self._sellers[person] = _Seller(person, team, rng.betavariate(3, 5))

    def _somebody_leaves(self, day: date) -> None:
        team = _REGIONS[1][0]
        leaver = next(seller for seller in self._sellers.values() if seller.team == team)
        leaver.is_there = False
        reason = "个人原因离职"
        self._desk.put(self._clock(day, "morning").tick(), OPERATOR, RemovePerson(leaver.id), reason=reason)

    def _clock(self, day: date, half: Half) -> Clock:
        return Clock(self._rng, self._zone, day, half)
