"""All routes of commands, put together."""

from fastapi import APIRouter

from commands.http.bulk import add_bulk_route
from commands.http.deadlines import add_deadline_routes
from commands.http.desk import Desk
from commands.http.evidence_files import add_evidence_route
from commands.http.inbox import add_inbox_routes
from commands.http.issuing import Counter
from commands.http.organisation import add_organisation_routes
from commands.http.playbooks import Forecast, add_playbook_routes
from commands.http.pools import add_pool_routes
from commands.http.reactions import add_reaction_routes
from commands.http.records import add_record_routes
from commands.replays import NoReplays, Replays

THREADS = 64
MAX_EVIDENCE_BYTES = 50 * 1_048_576
MAX_BULK_BYTES = 50 * 1_048_576


def build_router(
    desk: Desk,
    *,
    threads: int = THREADS,
    max_evidence_bytes: int = MAX_EVIDENCE_BYTES,
    max_bulk_bytes: int = MAX_BULK_BYTES,
    replays: Replays | None = None,
    forecast: Forecast | None = None,
) -> APIRouter:
    """Build the routes of commands for one tenant, to be mounted under /v1.

    Every request carries its caller in `request.state.caller`. `threads` is how many commands are carried out at a time; those that
    wait for the log together are appended together. `replays` finds what is signed off, `forecast` tells what a playbook would do to deadlines. Errors are raised, and rendered by the application's exception handlers.
    """
    router = APIRouter()
    counter = Counter(desk, threads=threads)
    # Fixed names first: a collection never hides them.
    add_organisation_routes(router, counter)
    add_inbox_routes(router, counter)
    add_playbook_routes(router, counter, replays or NoReplays(), forecast)
    add_bulk_route(router, counter, max_bytes=max_bulk_bytes)
    add_pool_routes(router, counter)
    add_evidence_route(router, counter, max_bytes=max_evidence_bytes)
    add_deadline_routes(router, counter)
    add_reaction_routes(router, counter)
    add_record_routes(router, counter)
    return router
