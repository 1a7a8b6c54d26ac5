"""A serving process keeps the ledger: many events at once, few after a while, damaged files made again."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.ledgers import assert_says
from support.sales import ANNA, MORNING, Desk

from domain.record.commands import OpenRecord
from infra import ledger_keeping
from infra.ledger import ObjectStoreLedger, writing
from infra.ledger_keeping import LedgerKeeper, keeping
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.ledger import ledger as ledger_module
from projections.ledger.checking import check_files
from projections.ledger.ledger import Ledger
from projections.ledger.manifest import POINTER, Manifest
from projections.ledger.store import OlderLedger


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    own = Settings(home=embedded_home, database_url=None, tenant="ledger_keeping")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        yield Desk(tenant)


@pytest.fixture
def ledger(desk, tmp_path) -> Ledger:
    return Ledger(ObjectStoreLedger.in_folder(tmp_path / "ledger"), desk.tenant.log)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def opened(desk: Desk, name: str) -> None:
    desk.do(OpenRecord(f"deal/dea_{name}", {"topic": f"Pumps {name}"}, owner=ANNA))


def test_few_events_wait_and_are_written_together(desk, ledger):
    """Given a ledger that is kept every 300 seconds, when a deal is opened, then it is written after 300 seconds and not before."""
    clock = Clock()
    keeper = LedgerKeeper(ledger, desk.tenant.pool, 300, now=clock)
    opened(desk, "few")
    assert not keeper.look()
    clock.seconds = 300
    assert keeper.look()
    assert ledger.manifest().position == desk.tenant.log.head()
    clock.seconds = 900
    assert not keeper.look(), "nothing is new"


def test_many_events_are_written_at_once(desk, ledger, monkeypatch):
    """Given more events than answers should read from the log, then the keeper does not wait."""
    monkeypatch.setattr(ledger_keeping, "MANY_EVENTS", 3)
    keeper = LedgerKeeper(ledger, desk.tenant.pool, 300, now=Clock())
    for number in range(3):
        opened(desk, f"many_{number}")
    assert keeper.look()
    assert_says(ledger.at(), desk.tenant.log, desk.tenant.log.head())


def test_one_process_keeps_it(desk, ledger):
    """Given that another process writes the ledger, then this one leaves it alone and fails at nothing."""
    clock = Clock()
    keeper = LedgerKeeper(ledger, desk.tenant.pool, 1, now=clock)
    opened(desk, "busy")
    clock.seconds = 2
    with writing(desk.tenant.pool):
        assert not keeper.look()
    assert keeper.look()


@pytest.mark.parametrize("damage", ["missing", "edited", "manifest"])
def test_damage_is_made_good(desk, ledger, tmp_path, damage):
    """Given a segment that is gone or was edited, or a manifest nobody can read, when the ledger is next written, then it is whole again."""
    ledger.update()
    clock = Clock()
    keeper = LedgerKeeper(ledger, desk.tenant.pool, 1, now=clock)
    folder: Path = tmp_path / "ledger"
    if damage == "missing":
        for segment in ledger.manifest().of("records"):
            (folder / segment.name).unlink()
    elif damage == "edited":
        path = folder / ledger.manifest().of("records")[0].name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        keeper.suspect()
    else:
        (folder / POINTER).write_bytes(b"{")
    opened(desk, f"after_{damage}")
    clock.seconds = 2
    assert keeper.look()
    keeper.look()
    assert check_files(ledger) == []
    assert_says(ledger.at(), desk.tenant.log, desk.tenant.log.head())


def test_the_thread_keeps_it_while_a_process_serves(desk, ledger, monkeypatch):
    """Given a process that serves, when a deal is opened, then the ledger has it without anybody asking; and it stops with the process."""
    monkeypatch.setattr(ledger_keeping, "LOOK_SECONDS", 0.02)
    with keeping(ledger, desk.tenant.pool, 0.01):
        opened(desk, "served")
        head = desk.tenant.log.head()
        until = time.monotonic() + 20
        while ledger.manifest().position < head:
            assert time.monotonic() < until
            time.sleep(0.02)
    opened(desk, "afterwards")
    assert ledger.manifest().position == head


def test_a_ledger_of_an_older_version_is_made_again(desk, ledger, monkeypatch):
    """Given a ledger whose tables an older program wrote, then the keeper makes it again without anybody asking."""
    empty = Manifest.empty
    with monkeypatch.context() as an_older_program:
        an_older_program.setattr(ledger_module, "SCHEMA_VERSION", 1)
        an_older_program.setattr(Manifest, "empty", lambda *about: replace(empty(*about), schema=1))
        ledger.update()
    keeper = LedgerKeeper(ledger, desk.tenant.pool, 300, now=Clock())
    with pytest.raises(OlderLedger):
        ledger.manifest()
    assert keeper.look()
    assert_says(ledger.at(), desk.tenant.log, desk.tenant.log.head())
