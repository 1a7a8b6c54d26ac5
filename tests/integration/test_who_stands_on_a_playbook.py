"""A publisher is told who stands on what would be taken away: everybody the log knows, not everybody a read model has met."""

import threading
from typing import Any

import pytest
from support.sales import PLAYBOOK, a_submission, playbook

from domain.playbook.commands import PublishPlaybook
from domain.record.commands import OpenRecord
from domain.refusals import InvalidCommand
from projections.reads import Reads

NO_HEAT = PLAYBOOK.replace("      heat:\n", "      warmth:\n")
NO_HEAT_AND_NO_LEAD = NO_HEAT.replace("      lead: {", "      idea: {")


@pytest.fixture
def tenant(a_tenant) -> Any:
    """A desk with one deal, of which no read model knows."""
    tenant = a_tenant("standing")
    tenant.bus.submit(a_submission(PublishPlaybook(playbook())))
    tenant.bus.submit(a_submission(OpenRecord("deal/dea_1", {"heat": "hot"})))
    return tenant


def told(tenant: Any, draft: str) -> set[int | None]:
    """How many records a refused publication says would be stranded, by each thing it takes away."""
    with pytest.raises(InvalidCommand) as refused:
        tenant.bus.submit(a_submission(PublishPlaybook(playbook(draft))))
    return {problem.record_count for problem in refused.value.problems}


def test_a_read_model_that_is_a_moment_behind_is_waited_for(tenant):
    """The refusal said that nobody stood there, of a record opened a moment before."""
    keeping = threading.Timer(0.2, tenant.catch_up.run)
    keeping.start()
    assert 1 in told(tenant, NO_HEAT_AND_NO_LEAD)
    keeping.join()


def test_where_nobody_keeps_the_read_model_the_publisher_waits_once(tenant, monkeypatch):
    """However much is taken away: the refusal comes as soon as a reader would have been told to come again."""
    waited = []
    wait_for = Reads.wait_for
    monkeypatch.setattr(
        Reads, "wait_for", lambda self, *asked: waited.append(asked) or wait_for(self, *asked)
    )
    assert told(tenant, NO_HEAT_AND_NO_LEAD) == {0}
    assert len(waited) == 1
