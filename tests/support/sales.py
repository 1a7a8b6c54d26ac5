"""A small company to test on: a playbook of three kinds, commands for it, and the server its log lives on."""

import itertools
import secrets
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import independent_verifier
import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from commands.caller import Caller
from commands.playbook_file import parse_playbook
from commands.ports import Append, NewEvent
from commands.submission import Answer, Submission
from domain.envelope import Origin
from domain.events import FieldsChanged, RecordOpened
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from domain.playbook.published import PublishedPlaybook
from infra import database
from infra.asgi import build
from infra.embedded import EmbeddedPostgres
from infra.log.verify import Verdict, Witness, verify

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPERATOR = "system/operator"
ALL_RIGHTS = frozenset(Right)
ANNA, BEN = "person/per_anna", "person/per_ben"
SCAN = "5c" * 32

PLAYBOOK = """
playbook: desk
label: {zh: 销售台, en: Sales desk}
time_zone: Asia/Shanghai
roles:
  seller: {label: {zh: 销售, en: Seller}}
  officer: {label: {zh: 数据专员, en: Data officer}, rights: [erase]}
kinds:
  customer:
    label: {zh: 客户, en: Customer}
    collection: customers
    prefix: cus
    title: name
    fields:
      name: {type: text, personal: false, label: {zh: 名称, en: Name}}
  contact:
    label: {zh: 联系人, en: Contact}
    collection: contacts
    prefix: con
    title: name
    fields:
      name: {type: text, label: {zh: 姓名, en: Name}}
      phone: {type: phone, label: {zh: 手机, en: Mobile}}
      email: {type: email, label: {zh: 邮箱, en: E-mail}}
      customer: {type: reference, to: customer, label: {zh: 客户, en: Customer}}
  deal:
    label: {zh: 商机, en: Deal}
    collection: deals
    prefix: dea
    title: topic
    worth: amount
    subject: contact
    fields:
      topic: {type: text, personal: false, label: {zh: 主题, en: Topic}}
      contact: {type: reference, to: contact, label: {zh: 联系人, en: Contact}}
      amount: {type: money, currency: EUR, label: {zh: 金额, en: Amount}}
      note: {type: text, label: {zh: 备注, en: Note}}
      heat:
        type: choice
        label: {zh: 热度, en: Heat}
        options:
          cold: {zh: 冷, en: Cold}
          warm: {zh: 温, en: Warm}
          hot: {zh: 热, en: Hot}
      scan: {type: evidence, label: {zh: 扫描件, en: Scan}}
    touches:
      call: {label: {zh: 电话, en: Call}}
    relations:
      follows: {to: deal, label: {zh: 延续自, en: Follows}}
    stages:
      lead: {label: {zh: 线索, en: Lead}}
      offer:
        label: {zh: 报价, en: Offer}
        enter:
          fields: [amount]
          conditions:
            worth_it:
              rule: amount >= 100
              label: {zh: 金额不低于100, en: Worth at least 100}
              why: {zh: 小单不报价, en: Small deals are not quoted}
      won:
        label: {zh: 赢单, en: Won}
        outcome: won
        enter:
          evidence: [scan]
      lost: {label: {zh: 输单, en: Lost}, outcome: lost}
"""

with warnings.catch_warnings():
    # Starlette would rather have a successor of httpx, which is not among our dependencies; httpx does.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

_numbers = itertools.count(1)


@cache
def playbook(text: str = PLAYBOOK) -> PublishedPlaybook:
    """The playbook of the desk, or a variation of its text."""
    return parse_playbook(text, "desk.yaml")


def stricter(least: int = 500) -> PublishedPlaybook:
    """The same playbook, with another limit for an offer."""
    return playbook(PLAYBOOK.replace("amount >= 100", f"amount >= {least}"))


def a_key(word: str = "key") -> str:
    """An idempotency key nobody has used."""
    return f"{word}-{next(_numbers)}-{secrets.token_hex(4)}"


def a_submission(command: Any, key: str | None = None, **about: Any) -> Submission:
    """A command of the operator, who may do everything."""
    about = {"actor": OPERATOR, "channel": "cli", "rights": ALL_RIGHTS, "client": "test"} | about
    return Submission(command=command, key=key or a_key(), **about)


class Desk:
    """A tenant with its playbook published; in a simulated log every command comes an hour after the one before."""

    def __init__(self, tenant: Any, *, people: bool = True) -> None:
        self.tenant = tenant
        self.clock = MORNING if tenant.log.is_simulated else None
        self.do(PublishPlaybook(playbook()))
        if people:
            self.do(FormTeam("north", "North", region="north"))
            self.do(FormTeam("south", "South", region="south"))
            self.do(AddPerson(ANNA, "Anna Quist", team="north", roles=("seller",)))
            self.do(AddPerson(BEN, "Ben Okoro", team="south", roles=("seller",)))

    def submission(self, command: Any, key: str | None = None, **about: Any) -> Submission:
        """A submission that tells the time where the log wants it told."""
        if self.clock is not None:
            self.clock += HOUR
            about = {"told_time": self.clock} | about
        return a_submission(command, key, **about)

    def do(self, command: Any, key: str | None = None, **about: Any) -> Answer:
        """Carry a command out. Raises what it is refused with."""
        return self.tenant.bus.submit(self.submission(command, key, **about))

    def batch(self, commands: Sequence[Any], **about: Any) -> list[Answer]:
        """Carry several commands out together."""
        return self.tenant.bus.submit_batch([self.submission(command, **about) for command in commands])


# ── a server, its databases, and both verifiers ──────────────────────────────────────────────────────────────────────


class Databases:
    """The session's PostgreSQL as its superuser sees it."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    def admin(self, name: str = "postgres") -> str:
        """The URL of a database as the superuser."""
        return self._server.url(name, "postgres")

    def app(self, name: str, user: str = database.APPLICATION) -> str:
        """The URL of a database as the application role."""
        return self._server.url(name, user)

    def run(
        self, name: str, *statements: Any, parameters: Sequence[Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run SQL as the superuser, each statement by itself; return the rows of the last one."""
        with psycopg.connect(self.admin(name), autocommit=True, row_factory=dict_row) as connection:
            rows: list[dict[str, Any]] = []
            for statement in statements:
                cursor = connection.execute(statement, parameters)
                rows = cursor.fetchall() if cursor.description else []
            return rows

    def fresh(self, name: str, template: str = "template0") -> str:
        """Make a database of its own, empty or a copy. It goes with the server: dropping one costs a checkpoint."""
        name = f"{name}_{next(_numbers)}"
        self.run("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name


@contextmanager
def databases(home: Path) -> Iterator[Databases]:
    """Use the server of a home."""
    server = EmbeddedPostgres.attach(home)
    try:
        yield Databases(server)
    finally:
        server.detach()


def name_of(tenant: Any) -> str:
    """The name of a tenant's database."""
    return str(conninfo_to_dict(tenant.url)["dbname"])


def independent(url: str, witness: Witness | None = None) -> independent_verifier.Verdict:
    """What the independent verifier says."""
    told = None if witness is None else witness.to_json()
    return independent_verifier.verify(independent_verifier.rows_from(url), told)


def both(url: str, witness: Witness | None = None) -> tuple[Verdict, independent_verifier.Verdict]:
    """What both verifiers say; they must name the same position."""
    ours, theirs = verify(url, witness=witness), independent(url, witness)
    assert ours.first_bad_position == theirs.first_bad_position, (ours.reason, theirs.reason)
    assert ours.events == theirs.events
    return ours, theirs


def is_whole(url: str) -> bool:
    """Whether both verifiers find the log whole."""
    ours, theirs = both(url)
    return ours.holds and ours.head is not None and ours.head.hash == theirs.head_hash


def a_client(tenant: Any, **about: Any) -> TestClient:
    """A client of the HTTP service of a tenant; use it as a context, so that the read models follow."""
    caller = Caller(tenant.name, "test", OPERATOR, rights=ALL_RIGHTS)
    return TestClient(build(tenant, caller=caller), **about)


# ── appends that no command makes ────────────────────────────────────────────────────────────────────────────────────


def an_append(*events: NewEvent, key: str | None = None, **about: Any) -> Append:
    """An append as the bus would make it; `about` may change any part of it."""
    origin = about.pop("origin", None) or Origin(
        actor=OPERATOR, channel="test", occurred_at=MORNING, command_id=f"cmd_{next(_numbers)}"
    )
    if key is not None:
        about = {"client": "test", "key": key, "body_hmac": b"b" * 32} | about
    reason = about.pop("reason", None)
    if reason is not None:
        events = tuple(replace(event, reason=reason) for event in events)
    return Append(events=events, origin=origin, **({"decided_at": MORNING, "expectations": []} | about))


def opened(stream: str, **fields: Any) -> NewEvent:
    """The opening of a record."""
    event = RecordOpened(fields=fields, stage="lead")
    return NewEvent(stream, 1, event, event.payload())


def edited(stream: str, version: int, old: str, new: str) -> NewEvent:
    """A change of a record's topic."""
    event = FieldsChanged({"topic": {"old": old, "new": new}})
    return NewEvent(stream, version, event, event.payload())


def many(count: int, streams: int = 500, batch: int = 2_000, **about: Any) -> Iterator[list[Append]]:
    """Appends of one event each, over many streams, in batches."""
    made: list[Append] = []
    for index in range(count):
        stream, version = f"deal/dea_{index % streams}", index // streams + 1
        topic = f"topic {index}"
        event = opened(stream, topic=topic) if version == 1 else edited(stream, version, "before", topic)
        made.append(an_append(event, **about))
        if len(made) == batch:
            yield made
            made = []
    if made:
        yield made
