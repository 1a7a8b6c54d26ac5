"""What people say still holds: at the end of a week those who are careful go through their open deals, and confirm what has not changed."""

import random
from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from consumers.simulator.deals import Deal
from consumers.simulator.desk import Desk
from consumers.simulator.working_days import Clock, next_working_day
from domain.record.commands import ConfirmFields

CONFIRMED = ("budget_confirmed", "decision_chain_complete", "expected_sign_on")
"""What production and delivery are planned by; the rest of a deal changes too often to be confirmed."""

_GOES_THROUGH_THEM = 0.5
_LOOKS_AT_A_DEAL = 0.6
_IS_SURE_OF_A_FIELD = 0.85


class Confirmations:
    """The weekly look at what is written down.

    It has chances of its own, so that the story it happens in stays the one the seed tells.
    """

    def __init__(self, desk: Desk, seed: int, zone: ZoneInfo) -> None:
        self._desk = desk
        self._rng = random.Random(f"confirmations of {seed}")  # noqa: S311 — the same seed must tell the same story
        self._zone = zone

    def happen(self, deals: Iterable[Deal], day: date) -> None:
        """Let people confirm what they know of their open deals, on the afternoon of the last working day of a week.

        What is confirmed was filled in before this afternoon began: nobody confirms what is only about to be written down.
        """
        if next_working_day(day).isocalendar()[:2] == day.isocalendar()[:2]:
            return
        rng = self._rng
        own: dict[str, list[Deal]] = {}
        for deal in deals:
            if not deal.is_over:
                own.setdefault(deal.owner.id, []).append(deal)
        for owned in own.values():
            if rng.random() >= _GOES_THROUGH_THEM * owned[0].owner.diligence:
                continue
            clock = Clock(rng, self._zone, day, "afternoon", in_one_go=True)
            for deal in owned:
                if rng.random() < _LOOKS_AT_A_DEAL:
                    self._confirm(deal, clock)

    def _confirm(self, deal: Deal, clock: Clock) -> None:
        known = [name for name in CONFIRMED if deal.fields.get(name) is not None]
        fields = frozenset(name for name in known if self._rng.random() < _IS_SURE_OF_A_FIELD)
        if fields:
            self._desk.put(clock.tick(), deal.owner.id, ConfirmFields(deal.stream, fields))
