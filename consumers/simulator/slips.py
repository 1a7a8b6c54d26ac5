"""What goes wrong while things are written down, and how it is put right: nothing is taken out of the log, it is corrected in it."""

import random
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from consumers.simulator import texts
from consumers.simulator.deals import Deal
from consumers.simulator.desk import Desk, Told
from consumers.simulator.people import HEADQUARTERS, Company, Employee
from consumers.simulator.working_days import Clock, later
from domain.naming import token
from domain.record.commands import CorrectTouch, EditFields, RecordTouch, RestoreFields

_NOTE_IS_CORRECTED = 0.014
_WRONG_DEAL = 0.0008
_WRONG_AMOUNT = 0.0008

Correction = Callable[[Clock], None]


class Slips:
    """Small mistakes of an afternoon, put right on the next working day.

    They have chances of their own, so that the story they happen in stays the one the seed tells.
    """

    def __init__(self, desk: Desk, seed: int, company: Company, zone: ZoneInfo) -> None:
        self._desk = desk
        self._rng = random.Random(f"slips of {seed}")  # noqa: S311 — the same seed must tell the same story
        self._company = company
        self._zone = zone
        self._tomorrow: list[Correction] = []

    def put_right(self, day: date) -> None:
        """Correct what went wrong on the working day before, each by somebody who has just noticed."""
        waiting, self._tomorrow = self._tomorrow, []
        for correct in waiting:
            correct(Clock(self._rng, self._zone, day, "morning"))

    def happen(self, deals: Iterable[Deal], day: date) -> None:
        """Let somebody write something wrong now and then, while it goes on with their deals."""
        rng = self._rng
        going_on = [deal for deal in deals if not deal.is_over]
        for deal in going_on:
            if rng.random() < _NOTE_IS_CORRECTED:
                self._a_wrong_word(deal, day)
            if rng.random() < _WRONG_DEAL and deal.turned_to != day:
                self._on_the_wrong_deal(deal, going_on, day)
            if rng.random() < _WRONG_AMOUNT and deal.due > day and deal.turned_to != day:
                self._a_digit_too_many(deal, day)

    def _a_wrong_word(self, deal: Deal, day: date) -> None:
        """The note of today says something that was otherwise; whoever wrote it says so tomorrow."""
        touch = deal.last_touch
        if touch is None or touch.day != day or touch.note is None:
            return
        author, said = touch.by, touch.note

        def correct(clock: Clock) -> None:
            told = texts.fill(self._rng, self._rng.choice(texts.CORRECTED_NOTES))
            command = CorrectTouch(deal.stream, touch.id, {"note": f"{said}（{told}）"})
            who = author if author.is_active else deal.owner
            self._desk.put(clock.tick(), who.id, command, reason=self._rng.choice(texts.CORRECTION_REASONS))

        self._tomorrow.append(correct)

    def _on_the_wrong_deal(self, meant: Deal, deals: list[Deal], day: date) -> None:
        """A call is booked on another deal of the same seller; tomorrow it is withdrawn there and booked where it belongs."""
        others = [deal for deal in deals if deal.owner is meant.owner and deal is not meant]
        is_noticed_tomorrow = later(day, 1) == day + timedelta(days=1)
        if not others or not is_noticed_tomorrow:
            return
        wrong, rng = self._rng.choice(others), self._rng
        who = meant.contact.called if meant.contact is not None else "对方前台"
        note = texts.note(rng, "call", meant.stage, who, meant.product, meant.pain or "需求还比较模糊")
        contact = meant.contact.stream if meant.contact is not None else None
        at = Clock(rng, self._zone, day, "afternoon").tick()
        booked = RecordTouch(wrong.stream, self._new_touch(), "call", note, contact)
        self._desk.put(at, meant.owner.id, booked)

        def correct(clock: Clock) -> None:
            owner = meant.owner.id
            reason = texts.WRONG_DEAL_REASON.format(right=meant.number, wrong=wrong.number)
            withdrawal = CorrectTouch(wrong.stream, booked.touch, withdrawn=True)
            self._desk.put(clock.tick(), owner, withdrawal, reason=reason)
            again = RecordTouch(meant.stream, self._new_touch(), "call", note, contact)
            self._desk.put(clock.tick(), owner, again, happened=at, reason=reason)
            meant.touches.append(("call", at))

        self._tomorrow.append(correct)

    def _a_digit_too_many(self, deal: Deal, day: date) -> None:
        """An amount gets a zero too many; the manager sees it in the forecast and brings back what was there."""
        if deal.fields.get("amount") is None:
            return
        # Nobody turns to the deal that day or until it is put right, so that nothing else is changed before it is brought back.
        deal.due = max(deal.due, later(day, 2))
        slip = EditFields(deal.stream, {"amount": f"{deal.fields['amount']}0"})

        def learn(answer: Told) -> None:
            position = answer.events[-1].position

            def correct(clock: Clock) -> None:
                command = RestoreFields(deal.stream, position, frozenset({"amount"}))
                self._desk.put(clock.tick(), self._above(deal).id, command, reason=texts.RESTORED_REASON)

            self._tomorrow.append(correct)

        at = Clock(self._rng, self._zone, day, "afternoon").tick()
        self._desk.put(at, deal.owner.id, slip, then=learn)

    def _above(self, deal: Deal) -> Employee:
        manager = self._company.manager_of(deal.owner)
        return manager if manager is not deal.owner else self._company.teams[HEADQUARTERS].manager

    def _new_touch(self) -> str:
        return f"tou_{token(self._rng.randbytes(16))}"
