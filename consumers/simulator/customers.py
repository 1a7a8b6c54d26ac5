"""Customers and the people who work for them."""

import random
from collections.abc import Set
from dataclasses import dataclass, field

from consumers.simulator import texts
from consumers.simulator.desk import Desk
from consumers.simulator.names import JOB_TITLES, company_name, mobile, person_name
from consumers.simulator.working_days import Clock
from domain.erasure import EraseSubject
from domain.record.commands import EditFields, EndRelation, OpenRecord, RelateRecord

_INDUSTRIES = (
    "factory",
    "factory",
    "process",
    "logistics",
    "energy",
    "park",
    "retail",
    "healthcare",
    "transport",
)
_ROLES = ("decider", "technical", "purchasing", "user")


@dataclass
class Contact:
    """Somebody at a customer; `called` is how salespeople write of them."""

    stream: str
    role: str
    called: str


@dataclass
class Customer:
    """A company we sell to; `paid_deals` are the deals won with it, oldest first."""

    stream: str
    name: str
    region: str
    industry: str
    host: str
    owner: str
    contacts: list[Contact] = field(default_factory=list)
    paid_deals: list[str] = field(default_factory=list)
    credit_grade: str | None = None
    part_of: str | None = None


class Customers:
    """Every customer there is, and how new ones come in."""

    def __init__(self, desk: Desk, rng: random.Random) -> None:
        self._desk = desk
        self._rng = rng
        self._taken: set[str] = set()
        self.all: list[Customer] = []

    def known_in(self, region: str) -> list[Customer]:
        """Return the customers of a region."""
        return [customer for customer in self.all if customer.region == region]

    def enter(self, clock: Clock, actor: str, owner: str, region: str) -> Customer:
        """Enter a company nobody has entered yet; now and then it belongs to one that is known."""
        rng = self._rng
        industry = rng.choice(_INDUSTRIES)
        name, host = company_name(rng, region, industry, self._taken)
        customer = Customer(f"customer/{self._desk.new_id('cus')}", name, region, industry, host, owner)
        fields: dict[str, object] = {"name": name, "region": region, "industry": industry}
        if rng.random() < 0.6:
            fields["employees"] = rng.choice((80, 120, 200, 350, 500, 800, 1200, 2600))
        self._desk.put(
            clock.tick(),
            actor,
            OpenRecord(customer.stream, fields, owner=owner),
            then=lambda _: self.all.append(customer),
        )
        known = self.known_in(region)
        if known and rng.random() < 0.07:
            customer.part_of = rng.choice(known).stream
            self._desk.put(
                clock.tick(), actor, RelateRecord(customer.stream, "subsidiary_of", customer.part_of)
            )
        return customer

    def meet(self, clock: Clock, actor: str, customer: Customer, role: str | None = None) -> Contact:
        """Return a contact of a customer in a role; somebody not known yet is entered."""
        rng = self._rng
        known = [contact for contact in customer.contacts if role in (None, contact.role)]
        if known:
            return rng.choice(known)
        role = role or rng.choice(_ROLES)
        name, latin = person_name(rng)
        title = rng.choice(JOB_TITLES[role])
        contact = Contact(f"contact/{self._desk.new_id('con')}", role, f"{name[0]}{title}")
        fields: dict[str, object] = {
            "name": name,
            "customer": customer.stream,
            "role": role,
            "job_title": title,
            "phone": mobile(rng),
        }
        if rng.random() < 0.7:
            fields["email"] = f"{latin}@{customer.host}"
        self._desk.put(
            clock.tick(),
            actor,
            OpenRecord(contact.stream, fields, owner=customer.owner),
            then=lambda _: customer.contacts.append(contact),
        )
        return contact

    def maintain(self, clock: Clock, actor: str) -> None:
        """Bring something about a customer up to date."""
        customer = self._rng.choice(self.all)
        if customer.contacts and self._rng.random() < 0.5:
            contact = self._rng.choice(customer.contacts)
            self._desk.put(
                clock.tick(),
                actor,
                EditFields(contact.stream, {"phone": mobile(self._rng)}),
                reason="客户换号",
            )
            return
        grade = self._rng.choice([grade for grade in ("a", "b", "c") if grade != customer.credit_grade])
        fields: dict[str, object] = {"credit_grade": grade}
        if customer.credit_grade is None:
            fields["is_key_account"] = self._rng.random() < 0.15
        customer.credit_grade = grade
        self._desk.put(clock.tick(), actor, EditFields(customer.stream, fields))

    def sell_one_off(self, clock: Clock, actor: str) -> None:
        """Let a group sell one of its companies, if a group is known."""
        for customer in self.all:
            if customer.part_of is not None:
                self._desk.put(
                    clock.tick(),
                    actor,
                    EndRelation(customer.stream, "subsidiary_of", customer.part_of),
                    reason=texts.RELATION_ENDED_REASONS["subsidiary_of"],
                )
                customer.part_of = None
                return

    def erase_somebody(self, clock: Clock, actor: str, in_use: Set[str]) -> None:
        """Carry out the request of a contact to be forgotten; somebody nobody needs for a deal, if there is such a contact."""
        known = [(customer, contact) for customer in self.all for contact in customer.contacts]
        if not known:
            return
        customer, gone = self._rng.choice([pair for pair in known if pair[1].stream not in in_use] or known)
        customer.contacts.remove(gone)
        self._desk.put(clock.tick(), actor, EraseSubject(gone.stream))
