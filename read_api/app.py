"""The read API: records, history, events, boards, rules and people of one tenant, as of now or any moment before."""

from fastapi import APIRouter, Depends

from commands.evidence import EvidenceStore
from projections.measured import Measures
from projections.migrating import Preview
from projections.replay_jobs import Replays
from read_api.answers import ANSWERS, ReadTenant, VisibleResponse
from read_api.approvals import add_approval_routes
from read_api.deadlines import add_deadline_routes
from read_api.evidence import add_evidence_route
from read_api.feed import add_event_routes
from read_api.inbox import add_inbox_routes
from read_api.metrics import add_metric_routes
from read_api.organisation import add_organisation_routes
from read_api.parameters import only_known
from read_api.pools import add_assignment_route, add_pool_routes
from read_api.reactions import add_reaction_routes
from read_api.records import add_list_routes, add_record_routes
from read_api.replays import add_replay_routes
from read_api.rules import add_rule_routes
from read_api.work import add_work_routes

__all__ = ["ReadTenant", "VisibleResponse", "build_router"]


def build_router(
    tenant: ReadTenant,
    evidence: EvidenceStore | None = None,
    replays: Replays | None = None,
    measures: Measures | None = None,
    public_url: str | None = None,
    preview: Preview | None = None,
) -> APIRouter:
    """Build the routes that read, to be mounted under /v1. Nothing is asked of the tenant before a request comes.

    Collections are those of the playbooks in force. Without a store of `evidence` its files cannot be fetched, without `replays` nobody hears of any, and without `measures` nothing is measured.
    Calendars link to `public_url`. Without a `preview` nobody hears what a migration would make of approvals. Errors are raised, and rendered by the application's exception handlers.
    """
    router = APIRouter(
        default_response_class=VisibleResponse, responses=ANSWERS, dependencies=[Depends(only_known)]
    )
    # Fixed names first: a collection never hides them.
    add_event_routes(router, tenant)
    add_organisation_routes(router, tenant)
    add_inbox_routes(router, tenant, public_url)
    add_work_routes(router, tenant)
    if preview is not None:
        add_approval_routes(router, tenant, preview)
    add_pool_routes(router, tenant)
    add_rule_routes(router, tenant)
    add_deadline_routes(router, tenant)
    add_reaction_routes(router, tenant)
    if replays is not None:
        add_replay_routes(router, tenant, replays)
    if measures is not None:
        add_metric_routes(router, tenant, measures)
    add_list_routes(router, tenant, replays)
    if evidence is not None:
        add_evidence_route(router, tenant, evidence)
    add_assignment_route(router, tenant)
    add_record_routes(router, tenant)
    return router
