"""A year of a sales organisation, half a day at a time: whoever has something to do does it, then learns the answers."""

import math
import random
from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

from consumers.simulator import texts
from consumers.simulator.confirmations import Confirmations
from consumers.simulator.customers import Customer, Customers
from consumers.simulator.deals import OPPORTUNITY, Deal, Path
from consumers.simulator.departments import Departments, Settle
from consumers.simulator.desk import OPERATOR, Bus, Desk, Told
from consumers.simulator.groundwork import Groundwork
from consumers.simulator.people import Company, Employee, most_able
from consumers.simulator.revision import LIVESTREAM, SOURCE, Revision, revised
from consumers.simulator.scenario import Scenario, Summary
from consumers.simulator.selling import Selling, follow
from consumers.simulator.slips import Slips
from consumers.simulator.working_days import HALVES, Clock, Half, days_of, is_working_day, later, season
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import ChangeOwner, EndRelation, OpenRecord

PLAYBOOK = "smart_hardware"
_LEADS_A_DAY = 1.62
_LEADS_TO_BEGIN_WITH = 70
_DAYS_TO_BEGIN_WITH = 12
_USUAL_PEOPLE = 42
_LEADS_PER_LIVESTREAM = 9


def simulate(
    bus: Bus,
    playbook: PublishedPlaybook,
    scenario: Scenario,
    progress: Callable[[int, int], None] | None = None,
    settle: Settle | None = None,
) -> Summary:
    """Let the people of a scenario sell under a playbook; everything they do is a command on the bus.

    The log must be a simulated one that tells no later time than the scenario's first day.
    `progress` learns how many days of how many are over. With `settle`, whatever follows the log comes up to it after every half day,
    and the other departments do what they are asked for. Raises SimulationStopped, ValueError for another playbook.
    """
    if playbook.name != PLAYBOOK:
        raise ValueError(f"people here sell by the playbook {PLAYBOOK!r}, not by {playbook.name!r}")
    return _Year(bus, playbook, scenario, settle).run(progress)


class _Year:
    """Everything that goes on."""

    def __init__(
        self, bus: Bus, playbook: PublishedPlaybook, scenario: Scenario, settle: Settle | None
    ) -> None:
        self.rng = random.Random(scenario.seed)  # noqa: S311 — the same seed must tell the same story
        self.scenario = scenario
        self.playbook = playbook
        self.zone = ZoneInfo(playbook.document.time_zone)
        self.desk = Desk(bus, self.rng, scenario.seed)
        self.company = Company(self.desk, self.rng)
        self.customers = Customers(self.desk, self.rng)
        self.path = Path(playbook.kind(OPPORTUNITY))
        self.groundwork = Groundwork(self.desk, self.rng, self.company, self.customers)
        self.selling = Selling(self.desk, self.rng, self.company, self.path, self.groundwork)
        self.deals: list[Deal] = []
        self.opened = 0
        self.leaving: list[Employee] = []
        self.slips = Slips(self.desk, scenario.seed, self.company, self.zone)
        self.confirmations = Confirmations(self.desk, scenario.seed, self.zone)
        self.settle = settle
        self.departments = Departments(self.desk, scenario.seed, self.company, self.zone, playbook)
        self.revision = Revision(self.desk, self.company, revised(playbook, OPPORTUNITY))
        self.again: list[Callable[[Clock], None]] = []

    def run(self, progress: Callable[[int, int], None] | None) -> Summary:
        days = days_of(self.scenario)
        working = [day for day in days if is_working_day(day)] or days
        changes = self._changes(len(working))
        for index, day in enumerate(days):
            if day in working:
                number = working.index(day)
                if number == 0:
                    self._found(day)
                for change in changes.get(number, ()):
                    change(day)
                for half in HALVES:
                    self._half_a_day(day, half, number)
            if progress is not None:
                progress(index + 1, len(days))
        return self.desk.summary

    def _clock(self, day: date, half: Half, *, evening: bool = False, in_one_go: bool = False) -> Clock:
        return Clock(self.rng, self.zone, day, half, evening=evening, in_one_go=in_one_go)

    def _half_a_day(self, day: date, half: Half, index: int) -> None:
        rng = self.rng
        leads = _LEADS_A_DAY * season(day) + (
            _LEADS_TO_BEGIN_WITH / _DAYS_TO_BEGIN_WITH if index < _DAYS_TO_BEGIN_WITH else 0
        )
        leads *= self.scenario.pace * self.scenario.people / _USUAL_PEOPLE / len(HALVES)
        if half == "morning":
            self.slips.put_right(day)
        else:
            self.confirmations.happen(self.deals, day)
        again, self.again = self.again, []
        for open_again in again:
            open_again(self._clock(day, half))
        if index > 0 or half == "afternoon":
            for _ in range(math.floor(leads + rng.random())):
                self._lead(self._clock(day, half))
        for deal in self.deals:
            if deal.due <= day and (half == "afternoon" or rng.random() < 0.5):
                evening = half == "afternoon" and rng.random() < deal.owner.evenings
                self.selling.act(deal, self._clock(day, half, evening=evening))
        if self.customers.all and rng.random() < 0.5 * self.scenario.pace:
            clock = self._clock(day, half)
            self.customers.maintain(clock, self.company.operations.id)
        if half == "afternoon":
            self.slips.happen(self.deals, day)
        self.departments.act(day, half)
        self.desk.submit()
        if self.settle is not None:
            self.departments.hear(self.settle(), day)

    # ── leads ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _lead(self, clock: Clock) -> None:
        """Let a lead come in: sales operations assigns it, or a seller found it."""
        rng = self.rng
        region = rng.choice([team.region for team in self.company.teams.values() if team.region is not None])
        seller = self._least_busy(self.company.sellers(region) or self.company.sellers())
        actor = self.company.operations.id if rng.random() < 0.65 else seller.id
        known = self.customers.known_in(region)
        is_known = bool(known) and rng.random() < 0.42
        customer = rng.choice(known) if is_known else self.customers.enter(clock, actor, seller.id, region)
        deal = self._deal(clock, customer, seller)
        fields: dict[str, object] = {
            "project_name": f"{customer.name.removesuffix('有限公司')}{rng.choice(texts.PROJECTS[deal.product])}",
            "customer": customer.stream,
            "product_line": deal.product,
            "source": "referral" if is_known else self.groundwork.value(deal, "source", clock),
        }
        if rng.random() < 0.3:
            fields["amount"] = str(deal.amount)
        if self.revision.is_in_force and self.opened % _LEADS_PER_LIVESTREAM == 0:
            fields[SOURCE] = LIVESTREAM
        first = {name: value for name, value in fields.items() if name != "source" or rng.random() > 0.03}
        self._open(deal, first, fields, clock, actor)

    def _open(
        self, deal: Deal, fields: dict[str, object], complete: dict[str, object], clock: Clock, actor: str
    ) -> None:
        """Open a deal; who forgot something is told so, and opens it again with everything."""
        at = clock.tick()
        command = OpenRecord(deal.stream, fields, owner=deal.owner.id, external_id=deal.number)

        def learn(answer: Told) -> None:
            if answer.outcome == "refused":
                self.again.append(lambda soon: self._open(deal, complete, complete, soon, actor))
                return
            deal.opened_at = at
            deal.add(fields)
            self.selling.begin(deal, clock)
            self.deals.append(deal)

        self.desk.put(at, actor, command, then=learn)
        if fields == complete:
            follow(self.desk, self.rng, deal, clock, actor)

    def _deal(self, clock: Clock, customer: Customer, seller: Employee) -> Deal:
        rng = self.rng
        self.opened += 1
        return Deal(
            stream=f"{OPPORTUNITY}/{self.desk.new_id('opp')}",
            number=f"SH{clock.day:%y%m}-{self.opened:04d}",
            customer=customer,
            owner=seller,
            product=rng.choice(list(texts.PRODUCTS)),
            amount=min(6_000_000, max(60_000, round(rng.lognormvariate(12.9, 0.8) / 1_000) * 1_000)),
            stage=self.path.kind.opening_stages[0],
            opened_at=clock.now,
            due=later(clock.day, 1),
            ready_on=clock.day,
            fit=rng.betavariate(4, 4),
        )

    def _least_busy(self, sellers: list[Employee]) -> Employee:
        busy = {seller.id: 0 for seller in sellers}
        for deal in self.deals:
            if not deal.is_over and deal.owner.id in busy:
                busy[deal.owner.id] += 1
        return min(sellers, key=lambda seller: busy[seller.id] + self.rng.uniform(0, 4))

    # ── the organisation changes ─────────────────────────────────────────────────────────────────────────────────────

    def _found(self, day: date) -> None:
        clock = self._clock(day, "morning", in_one_go=True)
        self.desk.put(clock.tick(), OPERATOR, PublishPlaybook(self.playbook))
        self.company.begin(clock, self.scenario.people)
        if self.settle is not None:
            self.departments.begin(clock)
        self.desk.submit()

    def _changes(self, days: int) -> dict[int, list[Callable[[date], None]]]:
        """Spread what changes in the organisation over a number of working days."""
        plan = (
            (0.15, self._rebalance),
            (0.28, self._rebalance),
            (0.38, self._a_seller_resigns),
            (0.42, self._the_playbook_is_drafted),
            (0.46, self._whoever_resigned_leaves),
            (0.5, self._the_draft_is_published),
            (0.52, self._a_seller_changes_team),
            (0.62, self._a_manager_resigns),
            (0.7, self._whoever_resigned_leaves),
            (0.58, self._rebalance),
            (0.76, self._rebalance),
            (0.8, self._a_relation_ends),
            (0.85, self._somebody_wants_to_be_forgotten),
        )
        spread: dict[int, list[Callable[[date], None]]] = {}
        for share, change in plan:
            spread.setdefault(math.floor(share * days), []).append(change)
        return spread

    def _a_seller_resigns(self, day: date) -> None:
        """Hand everything over; the person leaves some days later."""
        team = max(
            (team for team in self.company.teams.values() if team.region),
            key=lambda team: (len(team.members), team.id),
        )
        leaver = self.rng.choice([member for member in team.members if member.role == "sales"])
        leaver.role = "leaving"
        others = [member for member in self.company.sellers(team.region) if member is not leaver]
        clock = self._clock(day, "morning", in_one_go=True)
        for deal in self.deals:
            if deal.owner is leaver and deal.due < date.max:
                self._hand_over(clock, deal, self._least_busy(others), team.manager, texts.HANDOVER_REASON)
        for customer in self.customers.all:
            if customer.owner == leaver.id:
                customer.owner = self.rng.choice(others).id
                self.desk.put(
                    clock.tick(),
                    team.manager.id,
                    ChangeOwner(customer.stream, customer.owner),
                    reason=texts.HANDOVER_REASON,
                )
        self.leaving.append(leaver)

    def _a_manager_resigns(self, day: date) -> None:
        """Let the ablest of a team lead it."""
        team = self.rng.choice(
            [team for team in self.company.teams.values() if team.region and self._sellers_of(team.id)]
        )
        former = self.company.promote(
            self._clock(day, "morning", in_one_go=True), most_able(self._sellers_of(team.id))
        )
        self.leaving.append(former)

    def _whoever_resigned_leaves(self, day: date) -> None:
        while self.leaving:
            self.company.let_go(self._clock(day, "morning"), self.leaving.pop())

    def _a_seller_changes_team(self, day: date) -> None:
        person = self.rng.choice(self.company.sellers())
        others = [team for team in self.company.teams.values() if team.region and team.id != person.team]
        if others:
            self.company.change_team(self._clock(day, "morning"), person, self.rng.choice(others))

    def _rebalance(self, day: date) -> None:
        """Take some deals from whoever has most."""
        owned = [deal.owner for deal in self.deals if not deal.is_over and deal.owner.role == "sales"]
        if not owned:
            return
        busiest = max(owned, key=lambda owner: (owned.count(owner), owner.id))
        others = [
            person
            for person in self.company.sellers()
            if person.team == busiest.team and person is not busiest
        ]
        clock = self._clock(day, "morning")
        for deal in [deal for deal in self.deals if deal.owner is busiest and not deal.is_over][:3]:
            if others:
                manager = self.company.manager_of(busiest)
                self._hand_over(clock, deal, self._least_busy(others), manager, texts.REBALANCE_REASON)

    def _the_playbook_is_drafted(self, day: date) -> None:
        self.revision.draft(self._clock(day, "morning"))

    def _the_draft_is_published(self, day: date) -> None:
        self.revision.publish(self._clock(day, "morning", in_one_go=True))

    def _a_relation_ends(self, day: date) -> None:
        """A group sells a company; and a deal turns out to go on from nothing."""
        clock = self._clock(day, "morning")
        self.customers.sell_one_off(clock, self.company.operations.id)
        for deal in self.deals:
            if deal.follows is not None and not deal.is_over:
                command = EndRelation(deal.stream, "follows", deal.follows)
                deal.follows = None
                reason = texts.RELATION_ENDED_REASONS["follows"]
                self.desk.put(clock.tick(), deal.owner.id, command, reason=reason)
                return

    def _somebody_wants_to_be_forgotten(self, day: date) -> None:
        in_use = {deal.contact.stream for deal in self.deals if deal.contact is not None}
        self.customers.erase_somebody(self._clock(day, "morning"), self.company.operations.id, in_use)

    def _hand_over(self, clock: Clock, deal: Deal, to: Employee, manager: Employee, reason: str) -> None:
        deal.owner = to
        deal.due = max(deal.due, later(clock.day, self.rng.randrange(1, 6)))
        self.desk.put(clock.tick(), manager.id, ChangeOwner(deal.stream, to.id), reason=reason)

    def _sellers_of(self, team: str) -> list[Employee]:
        return [member for member in self.company.sellers() if member.team == team]
