"""Assignment replayed from a log that is kept: what the database counted live is what the ledger's rows count again."""

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from support.leads import BEGIN, NO_FALLBACK, leads_playbook
from support.ledgers import a_ledger
from support.oracle_assigning import assigned
from support.pool_histories import TIGHT, Kept, play

from domain.playbook.catalogue import as_if_published
from projections.replay import Ask, Window
from projections.replay.assignment import replay_assignment


@pytest.mark.parametrize("seed", [401])
def test_replay_of_assignment_from_a_kept_log_keeps_the_law(a_tenant, seed: int) -> None:
    """Open records, win rates, turns and days as SQL counted them then: every search comes out as recorded."""
    company = Kept(a_tenant("pools", clock="simulated", told_time=BEGIN))
    play(seed, 55, company=company)
    law = assigned(company).law
    assert law.decisions >= 20
    assert (law.different, law.reproduced) == ([], law.decisions)


def test_a_ledger_in_segments_gives_the_same_replay_of_assignment_by_law(a_tenant, tmp_path: Path) -> None:
    """Cut into small segments and as of a position, or read from the log at once: the same rows."""
    company = Kept(a_tenant("pools", clock="simulated", told_time=BEGIN))
    play(403, 30, company=company)
    ledger = a_ledger(tmp_path, company.log, partitions=3, part=40)
    ledger.update()
    playbooks, draft = company.playbooks, leads_playbook(NO_FALLBACK, *TIGHT)
    view = ledger.at()
    ask = Ask(Window(0, view.position), draft=as_if_published(playbooks, draft))
    found, other = replay_assignment(view, playbooks, company.vault, ask), assigned(company, draft)
    assert (found.law, found.impact) == (other.law, other.impact)
    assert_frame_equal(found.datasets["assignment"], other.datasets["assignment"])
    earlier = ledger.at(view.position // 2)
    law = replay_assignment(earlier, playbooks, company.vault, Ask(Window(0, earlier.position))).law
    assert law.different == []
