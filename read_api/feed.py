"""Events as they come: a page of JSON, all of them as NDJSON, or a stream (SSE) that goes on where a reader left off.

Positions are contiguous and a later one is never visible before an earlier one, so whoever reads after a position misses nothing.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from projections.errors import InvalidQuery
from projections.lens import Visible
from projections.reads import MAX_PAGE, topics_of
from read_api.answers import MinPosition, ReadTenant, VisibleLines, VisibleResponse

Form: TypeAlias = Literal["json", "ndjson", "sse"]
_FORMS: dict[str, Form] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "text/event-stream": "sse",
}

POLL_SECONDS = 0.1
HEARTBEAT_SECONDS = 15.0
STREAM_SECONDS = 900.0
"""A stream ends now and then by itself; its reader comes back with Last-Event-ID. So none outlives a change of its reader's rights for long."""

RETRY_MILLISECONDS = 1_000
_BATCH = 500
_LARGEST = 2**63


def form_of(accept: str) -> Form:
    """Return the form a reader likes best among those there are; JSON where none of them is named."""
    best: tuple[float, Form] = (0.0, "json")
    for part in accept.split(","):
        media_type, *parameters = (item.strip().lower() for item in part.split(";"))
        form = _FORMS.get(media_type)
        quality = next((item[2:] for item in parameters if item.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        if form is not None and weight > best[0]:
            best = (weight, form)
    return best[1]


class Heads:
    """The last position of the log, asked for once an interval however many streams want to know."""

    def __init__(self, tenant: ReadTenant) -> None:
        self._tenant = tenant
        self._head = 0
        self._asked_at = float("-inf")

    async def latest(self) -> int:
        """Return the last position, at most an interval old. Holds a connection only while it asks."""
        now = time.monotonic()
        if now - self._asked_at >= POLL_SECONDS:
            self._asked_at = now
            self._head = max(self._head, await run_in_threadpool(self._tenant.log.head))
        return self._head


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events a reader wants: those of topics, or of one record."""

    topic: str | None = None
    stream: str | None = None


def pages(tenant: ReadTenant, selection: Selection, after: int, upto: int) -> Iterator[Visible]:
    """Return the events after a position up to another one, read a batch at a time."""
    while after < upto:
        page = tenant.reads.events_upto(
            upto, after=after, limit=_BATCH, topic=selection.topic, stream=selection.stream
        )
        yield from page.items
        if page.next is None:
            return
        after = page.next


async def stream(
    tenant: ReadTenant, heads: Heads, request: Request, selection: Selection, after: int
) -> AsyncIterator[bytes]:
    """Send events as they come, and a heartbeat when none do. Ends when the reader has gone, when the service stops, or after a while."""
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    ends_at = time.monotonic() + STREAM_SECONDS
    beats_at = time.monotonic() + HEARTBEAT_SECONDS
    while time.monotonic() < ends_at and not is_stopping(request):
        head = await heads.latest()
        if head > after:
            page = await run_in_threadpool(
                tenant.reads.events_upto,
                head,
                after=after,
                limit=_BATCH,
                topic=selection.topic,
                stream=selection.stream,
            )
            for event in page.items:
                yield spelled(event)
            if page.items:
                beats_at = time.monotonic() + HEARTBEAT_SECONDS
            after = head if page.next is None else page.next
            if page.next is not None:
                continue
        if await request.is_disconnected():
            return
        if time.monotonic() >= beats_at:
            # An id without data moves Last-Event-ID on, so that what was filtered away is not looked at again.
            yield b": still here\nid: %d\n\n" % after
            beats_at = time.monotonic() + HEARTBEAT_SECONDS
        await asyncio.sleep(POLL_SECONDS)


def spelled(event: Visible) -> bytes:
    """Spell an event as the stream does: its position is the id, its topic the name."""
    told = event.data
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told["position"], told["topic"].encode(), event.json())


def is_stopping(request: Request) -> bool:
    """Tell whether the service is about to stop: whoever runs it says so in `app.state.is_stopping`."""
    return bool(getattr(request.app.state, "is_stopping", False))


def resumed(last_event_id: str | None, after: int) -> int:
    """Return the position to go on from: the reader's last one, else what the address says. Raises InvalidQuery."""
    if last_event_id is None or not last_event_id.strip():
        return after
    text = last_event_id.strip()
    if not (text.isascii() and text.isdigit() and len(text) < len(str(_LARGEST))):
        raise InvalidQuery.of("after", "Last-Event-ID is the position of the last event that was read")
    return int(text)


def add_event_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the route of events."""
    heads = Heads(tenant)
    described: dict[str, Any] = {
        "application/json": {"schema": {"type": "object"}},
        "application/x-ndjson": {"schema": {"type": "string"}},
        "text/event-stream": {"schema": {"type": "string"}},
    }

    @router.get(
        "/events",
        summary="Events in the order of the log",
        responses={200: {"description": "The events.", "content": described}},
    )
    def events(
        request: Request,
        after: Annotated[int, Query(ge=0, lt=_LARGEST, description="Only events after this position.")] = 0,
        upto: Annotated[
            int | None,
            Query(
                ge=0,
                lt=_LARGEST,
                description="Only events up to this position, which belongs to them. A stream has no end.",
            ),
        ] = None,
        limit: Annotated[
            int, Query(ge=1, le=MAX_PAGE, description="How many events a page holds at most.")
        ] = 100,
        topic: Annotated[
            str | None,
            Query(
                max_length=400,
                description="A topic, or the word topics begin with; several with commas between them.",
                examples=["record.stage-changed.v1", "playbook.published,organisation,pool"],
            ),
        ] = None,
        record: Annotated[
            str | None,
            Query(
                max_length=200,
                description="Only events of this record, as kind/id or collection/id.",
                examples=["opportunities/opp_…"],
            ),
        ] = None,
        min_position: MinPosition = None,
        accept: Annotated[str, Header(max_length=1_000)] = "*/*",
        last_event_id: Annotated[
            str | None, Header(description="Where an interrupted stream goes on.")
        ] = None,
    ) -> Response:
        """`Accept` chooses the form: a page (`application/json`), everything up to now (`application/x-ndjson`),
        or a stream that goes on (`text/event-stream`), which `Last-Event-ID` resumes.
        """
        if min_position is not None:
            tenant.reads.wait_for(min_position)
        topics_of(topic)
        begin = resumed(last_event_id, after) if form_of(accept) == "sse" else after
        tenant.reads.refuse_ahead(begin)
        selection = Selection(
            topic, None if record is None else tenant.reads.named(record, in_an_address=True)
        )
        match form_of(accept):
            case "ndjson":
                head = tenant.log.head()
                end = head if upto is None else min(upto, head)
                return VisibleLines(pages(tenant, selection, after, end))
            case "sse":
                headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
                sent = stream(tenant, heads, request, selection, begin)
                return StreamingResponse(sent, media_type="text/event-stream", headers=headers)
            case _:
                return VisibleResponse(
                    tenant.reads.events(
                        after=after,
                        limit=limit,
                        topic=selection.topic,
                        stream=selection.stream,
                        upto=upto,
                    )
                )
