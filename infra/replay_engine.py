"""The engine of replays as jobs use it: the question is asked of the ledger, with the playbooks of the log."""

from collections.abc import Callable
from dataclasses import replace

from domain.playbook.catalogue import as_if_published
from infra.replays import Found, Progress, Wanted
from infra.tenant import Tenant
from projections.as_of import Horizon
from projections.ledger.running import LOOP, Runner
from projections.ledger.view import View
from projections.replay import Ask, Window, replay


class LedgerEngine:
    """Replays over the ledger, here or on a cluster. Implements the port `infra.replays.Engine`."""

    def __init__(self, runner: Runner = LOOP) -> None:
        self._runner = runner

    def id_of(self, view: View, wanted: Wanted) -> str:
        """Return the id of a replay."""
        return _asked(wanted).id(view)

    def run(
        self,
        view: View,
        tenant: Tenant,
        wanted: Wanted,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> Found:
        """Replay. Raises Cancelled, and what refuses the question."""
        playbooks = tenant.reads.playbooks(Horizon(position=view.position))
        found = replay(
            view,
            playbooks,
            tenant.vault,
            replace(
                _asked(wanted),
                draft=as_if_published(playbooks, wanted.draft),
                moment=tenant.reads.recorded_at(view.position),
                clock=tenant.log.genesis.clock,
            ),
            runner=self._runner,
            progress=progress,
            cancelled=cancelled,
        )
        return Found(found.impact, found.datasets)


def _asked(wanted: Wanted) -> Ask:
    window = Window(wanted.window.after, wanted.window.upto)
    scope = {name: tuple(options) for name, options in wanted.scope.items()}
    return Ask(window, scope, wanted.draft, number=wanted.number, about=wanted.about)
