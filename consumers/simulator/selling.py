"""What somebody does with a deal when they turn to it: prepare, try to move, react to a refusal, lose, win, begin again."""

import random
from collections.abc import Mapping
from datetime import timedelta

from consumers.simulator import odds, texts
from consumers.simulator.deals import LOST, Deal, Path
from consumers.simulator.desk import Desk, Told
from consumers.simulator.groundwork import WITH_THE_MOVE, Groundwork
from consumers.simulator.people import HEADQUARTERS, Company, Employee
from consumers.simulator.working_days import Clock, later
from domain.record.commands import ChangeStage, Override, RelateRecord
from domain.refusals import GateNotMet

_CAN_BE_WAIVED = frozenset({"condition:discount_within_limit", "condition:margin_kept"})
_ABOUT = {
    "condition:discount_within_limit": "discount_percent",
    "condition:margin_kept": "cost",
    "condition:poc_passed": "poc_result",
    "condition:amount_near_quote": "contract_amount",
    "condition:first_payment_large_enough": "first_payment",
}
"""Conditions about a field: while that is empty there is nothing else to do than to fill it in."""

_AT_THE_END = frozenset({"evidence:red_stamp_scan", "evidence:contract_scan", "evidence:payment_receipt"})
_DAYS_BEFORE_THE_END = 4
_SAID_IN_PASSING = WITH_THE_MOVE | {"loss_reason"}
_REOPENING_STAGE = "needs_diagnosis"


class Selling:
    """The habits of the people who sell."""

    def __init__(
        self, desk: Desk, rng: random.Random, company: Company, path: Path, groundwork: Groundwork
    ) -> None:
        self._desk = desk
        self._rng = rng
        self._company = company
        self._path = path
        self._groundwork = groundwork

    def begin(self, deal: Deal, clock: Clock) -> None:
        """Plan the stage a deal has just entered: its time, its fate, and what is thought of beforehand."""
        rng, owner = self._rng, deal.owner
        chance = odds.ADVANCE[deal.stage] + 0.3 * (owner.charm - 0.5) + 0.3 * (deal.fit - 0.5)
        deal.losing = rng.choice(odds.LOSSES[deal.stage]) if rng.random() > chance else None
        deal.is_stuck = rng.random() < odds.STUCK.get(deal.stage, 0.07)
        days = (
            rng.uniform(*odds.DWELL[deal.stage])
            * (1.35 - 0.7 * owner.tempo)
            * (rng.uniform(2.5, 5) if deal.is_stuck else 1)
        )
        deal.ready_on = later(clock.day, max(1, round(days)))
        forgetful = 0.04 + 0.45 * (1 - owner.diligence)
        later_on = _SAID_IN_PASSING | _ABOUT.keys()
        work = [item for item in self._path.groundwork(deal) if item.removeprefix("field:") not in later_on]
        work.sort(key=lambda item: item in _AT_THE_END)
        deal.todo = [
            item
            for item in work
            if rng.random() >= forgetful and not (deal.losing is not None and item in _AT_THE_END)
        ]

    def act(self, deal: Deal, clock: Clock) -> None:
        """Turn to a deal for a while."""
        rng = self._rng
        deal.turned_to = clock.day
        deal.due = later(clock.day, self._gap(deal))
        if self._path.is_won(deal.stage):
            self._care(deal, clock)
        elif deal.to_waive and not deal.todo:
            self._waive(deal, clock)
        elif deal.is_over:
            self._begin_again(deal, clock)
        else:
            is_ready = clock.day >= deal.ready_on
            self._work(deal, clock)
            if is_ready and deal.losing is not None and not (deal.todo and deal.is_warned):
                self._lose(deal, clock)
            elif is_ready and not deal.todo and not deal.to_waive:
                self._step(deal, clock)
            elif (
                deal.todo
                and deal.losing is None
                and not deal.is_warned
                and rng.random() < 0.16 * deal.owner.haste
            ):
                self._try(deal, clock, self._path.next_stage(deal.stage))
            elif rng.random() < 0.012 * deal.owner.haste:
                self._jump(deal, clock)

    # ── preparing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _gap(self, deal: Deal) -> int:
        """How many working days until somebody turns to the deal again."""
        if deal.is_stuck:
            return self._rng.randrange(5, 14)
        return max(1, round(self._rng.triangular(1, 5, 2) * (1.2 - 0.4 * deal.owner.tempo)))

    def _work(self, deal: Deal, clock: Clock) -> None:
        rng = self._rng
        for _ in range(rng.choice((1, 1, 2))):
            if deal.todo:
                item = deal.todo[0]
                is_early = (deal.ready_on - clock.day).days > _DAYS_BEFORE_THE_END
                if item in _AT_THE_END and is_early and not deal.is_warned:
                    break
                if self._groundwork.fulfil(deal, item, clock):
                    deal.todo.remove(item)
        if rng.random() < (0.25 if deal.is_stuck else 0.72):
            in_person = deal.stage == "requirements_frozen" and rng.random() < 0.45 * deal.owner.diligence
            self._groundwork.touch(deal, "visit" if in_person else None, clock)
        if rng.random() < 0.27:
            self._keep_up_to_date(deal, clock)

    def _keep_up_to_date(self, deal: Deal, clock: Clock) -> None:
        rng, stage = self._rng, self._path.position(deal.stage)
        first = self._path.position("needs_diagnosis")
        if stage > first and rng.random() < 0.3 and "expected_sign_on" in deal.fields:
            put_off = timedelta(days=rng.randrange(7, 40) if rng.random() < 0.85 else -rng.randrange(3, 12))
            day = max(
                clock.day + timedelta(days=7),
                clock.day.fromisoformat(str(deal.fields["expected_sign_on"])) + put_off,
            )
            self._groundwork.edit(deal, {"expected_sign_on": day.isoformat()}, clock)
        elif (
            stage >= first
            and "budget_confirmed" not in deal.fields
            and rng.random() < 0.25 + 0.5 * deal.owner.diligence
        ):
            budget = self._groundwork.value(deal, "budget", clock)
            self._groundwork.edit(deal, {"budget_confirmed": rng.random() < 0.9, "budget": budget}, clock)
        elif "amount" in deal.fields and stage <= self._path.position("quoted") and rng.random() < 0.25:
            deal.amount = max(20_000, round(deal.amount * rng.uniform(0.88, 1.12) / 1_000) * 1_000)
            self._groundwork.edit(deal, {"amount": str(deal.amount)}, clock)
        elif rng.random() < 0.12:
            self._groundwork.edit(
                deal, {"competitors": self._groundwork.value(deal, "competitors", clock)}, clock
            )
        else:
            steps = texts.LATE_STEPS if stage >= self._path.position("quoted") else texts.EARLY_STEPS
            step = texts.fill(rng, rng.choice(steps), product=texts.PRODUCTS[deal.product])
            self._groundwork.edit(deal, {"next_step": step}, clock)

    # ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _step(self, deal: Deal, clock: Clock) -> None:
        """Take the next step, or one back where the work has to be done again."""
        chance, targets = odds.BACK.get(deal.stage, (0.0, ()))
        failed = deal.stage == "poc_feedback" and deal.fields.get("poc_result") == "failed"
        if (
            targets
            and deal.moved_back < 2
            and (failed or deal.owes_reason or self._rng.random() < chance * (1.5 - deal.owner.diligence))
        ):
            self._back(deal, clock, self._rng.choice(targets))
        else:
            self._try(deal, clock, self._path.next_stage(deal.stage))

    def _try(self, deal: Deal, clock: Clock, to: str) -> None:
        """Try to move on, with the fields that are written down on that occasion; a hasty seller leaves one out."""
        for item in self._path.groundwork(deal):
            name = item.removeprefix("field:")
            if name in WITH_THE_MOVE and (name not in deal.carried or name.endswith("_on")):
                deal.carried[name] = self._groundwork.value(deal, name, clock)
        fields = dict(deal.carried)
        if fields and not deal.is_warned and self._rng.random() < 0.2 * (1.1 - deal.owner.diligence):
            fields.pop(self._rng.choice(sorted(fields)))
        self._move(deal, clock, to, fields)

    def _move(
        self,
        deal: Deal,
        clock: Clock,
        to: str,
        fields: Mapping[str, object],
        *,
        reason: str | None = None,
        by: Employee | None = None,
    ) -> None:
        override = Override("特批折扣", deal.to_waive) if by is not None else None
        command = ChangeStage(deal.stream, to, dict(fields), override)

        def learn(answer: Told) -> None:
            deal.to_waive = frozenset()
            if answer.outcome == "accepted":
                deal.add(fields)
                self._entered(deal, clock, to)
            elif isinstance(answer.refusal, GateNotMet):
                self._refused(deal, clock, answer.refusal)

        self._desk.put(clock.tick(), (by or deal.owner).id, command, reason=reason, then=learn)

    def _entered(self, deal: Deal, clock: Clock, to: str) -> None:
        rng = self._rng
        deal.stage, deal.carried, deal.todo, deal.is_warned = to, {}, [], False
        deal.due = later(clock.day, rng.randrange(1, 4))
        if self._path.is_won(to):
            deal.is_over = True
            deal.customer.paid_deals.append(deal.stream)
        elif to == LOST:
            deal.is_over = True
            comes_back = (
                deal.losing not in (None, "unreachable") and deal.reopened == 0 and rng.random() < 0.14
            )
            deal.due = later(clock.day, rng.randrange(18, 75)) if comes_back else clock.day.max
        else:
            deal.is_over = False
            self.begin(deal, clock)

    def _refused(self, deal: Deal, clock: Clock, refusal: GateNotMet) -> None:
        """Read what is missing and plan for it; what is over a limit goes to the manager now and then."""
        rng, missing = self._rng, [item.id for item in refusal.unmet]
        deal.owes_reason = "move:reason" in missing
        deal.is_warned = True
        deal.due = clock.day if rng.random() < 0.5 else later(clock.day, 1)
        missing = [item for item in missing if item not in _ABOUT or deal.known(_ABOUT[item]) is not None]
        over_a_limit = _CAN_BE_WAIVED.intersection(missing)
        if over_a_limit and rng.random() < 0.5:
            deal.to_waive = over_a_limit
            missing = [item for item in missing if item not in over_a_limit]
        if deal.is_over or refusal.to_stage in (LOST, self._path.next_stage(deal.stage)):
            work = [
                item
                for item in missing
                if not item.startswith("move:") and item.removeprefix("field:") not in _SAID_IN_PASSING
            ]
            deal.todo = work if refusal.to_stage == LOST else list(dict.fromkeys([*work, *deal.todo]))

    def _waive(self, deal: Deal, clock: Clock) -> None:
        """Let the manager, by name and with a reason, pass what is over a limit."""
        manager = self._company.manager_of(deal.owner)
        if manager is deal.owner:
            manager = self._company.teams[HEADQUARTERS].manager
        reason = self._rng.choice(texts.WAIVE_REASONS)
        self._move(deal, clock, self._path.next_stage(deal.stage), deal.carried, reason=reason, by=manager)

    def _jump(self, deal: Deal, clock: Clock) -> None:
        """Try to skip a stage, because the month ends."""
        way = self._path.kind.open_stages
        target = self._path.position(deal.stage) + 2
        if target < len(way):
            self._move(deal, clock, way[target], {})

    def _back(self, deal: Deal, clock: Clock, to: str) -> None:
        """Go back with a reason; documents that the step forward stood on are made again."""
        rng = self._rng
        reason = rng.choice(texts.BACK_REASONS[to])
        if not deal.owes_reason and rng.random() < 0.12:
            self._move(deal, clock, to, {})
            return
        deal.moved_back += 1
        redone = self._path.kind.stages[self._path.next_stage(to)].enter.evidence
        deal.evidence -= set(redone)
        undone: dict[str, object] = {}
        if deal.fields.get("poc_result") is not None and to in self._path.before("requirements_frozen"):
            undone["poc_result"] = None
        said = f"{texts.NO_REASON_YET}{reason}" if deal.owes_reason else reason
        deal.owes_reason = False
        self._move(deal, clock, to, undone, reason=said)

    # ── ends and new beginnings ──────────────────────────────────────────────────────────────────────────────────────

    def _lose(self, deal: Deal, clock: Clock) -> None:
        rng, reason = self._rng, deal.losing or "price"
        fields: dict[str, object] = {"loss_reason": reason}
        if rng.random() < 0.3 + 0.6 * deal.owner.diligence:
            fields["loss_note"] = texts.fill(rng, texts.LOSS_NOTES[reason])
        if not deal.is_warned and rng.random() < 0.35 * (1 - deal.owner.diligence):
            fields.pop("loss_reason")
        self._move(deal, clock, LOST, fields)

    def _begin_again(self, deal: Deal, clock: Clock) -> None:
        """Take up a lost deal once more."""
        rng = self._rng
        for item in list(deal.todo):
            if self._groundwork.fulfil(deal, item, clock):
                deal.todo.remove(item)
        if not deal.is_warned and rng.random() >= deal.owner.haste:
            self._groundwork.touch(deal, "call", clock)
        if not deal.todo:
            deal.reopened = 1
            self._move(
                deal, clock, _REOPENING_STAGE, {"loss_reason": None}, reason=rng.choice(texts.REOPEN_REASONS)
            )

    def _care(self, deal: Deal, clock: Clock) -> None:
        """Stay in touch after the first payment."""
        self._groundwork.touch(deal, None, clock)
        deal.due = (
            later(clock.day, self._rng.randrange(6, 20)) if self._rng.random() < 0.55 else clock.day.max
        )


def follow(desk: Desk, rng: random.Random, deal: Deal, clock: Clock, actor: str) -> None:
    """Say that a deal goes on where an earlier one with the same customer ended."""
    if deal.customer.paid_deals and rng.random() < 0.8:
        deal.follows = deal.customer.paid_deals[-1]
        desk.put(clock.tick(), actor, RelateRecord(deal.stream, "follows", deal.follows))
