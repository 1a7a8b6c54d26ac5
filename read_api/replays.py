"""Routes that read replays: how far each is, what it found, the decisions behind every number, and its datasets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from domain.naming import nearest
from domain.refusals import NotFound
from projections.lists import Ask
from projections.replay_answers import decisions, list_replays, show_replay
from projections.replay_cases import By, Cases
from projections.replay_forecast import comparison
from projections.replay_jobs import Replays, result_of
from projections.replay_rows import csv_lines, json_lines
from projections.replay_subjects import SubjectCases, subject_cases
from read_api.answers import ReadTenant, VisibleResponse, ask_of, problem

Several = Annotated[
    tuple[str, ...],
    Query(
        max_length=5,
        description="Only decisions with this verdict; may be repeated. `changed` means newly refused or newly allowed.",
        examples=["newly_refused"],
    ),
]
_FORMS: dict[str, str] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/x-ndjson",
}
_CHUNK_BYTES = 1 << 18
_FILES: dict[str, Any] = {
    media_type.partition(";")[0]: {"schema": {"type": "string"}} for media_type in _FORMS.values()
}


def add_replay_routes(router: APIRouter, tenant: ReadTenant, replays: Replays) -> None:
    """Add the routes about replays."""
    not_done: dict[int | str, dict[str, Any]] = {
        409: problem("The replay is not done, or ended without a result.")
    }

    @router.get("/replays", summary="The replays that were asked for, the newest first")
    def all_replays(
        ask: Annotated[Ask, Depends(ask_of(tenant))],
        playbook: Annotated[
            str | None, Query(max_length=200, description="Only drafts of this playbook.")
        ] = None,
    ) -> Response:
        return VisibleResponse(list_replays(tenant.reads, replays, ask, playbook))

    @router.get("/replays/{replay}", summary="A replay: how far it is, and what it found")
    def one_replay(replay: str) -> Response:
        """`state` is queued, running, done, failed, cancelled or interrupted. Once it is done, `impact` never changes."""
        shown = show_replay(tenant.reads, replays, replay)
        headers = {"ETag": f'"{shown.data["id"]}-{shown.data["state"]}"'}
        return VisibleResponse(shown, headers=headers)

    @router.get(
        "/replays/{replay}/decisions", summary="The decisions behind a number of a replay", responses=not_done
    )
    def replay_decisions(
        replay: str,
        ask: Annotated[Ask, Depends(ask_of(tenant))],
        verdict: Several = (),
        requirement: Annotated[
            str | None,
            Query(
                max_length=200,
                description="Only where this requirement makes the difference.",
                examples=["field:amount"],
            ),
        ] = None,
        owner: Annotated[
            str | None,
            Query(
                max_length=200,
                description="Only decisions counted for this person: who answers for the record, else who tried.",
            ),
        ] = None,
        record: Annotated[
            str | None, Query(max_length=410, description="Only this record, as kind/id or collection/id.")
        ] = None,
        kind: Annotated[str | None, Query(max_length=200, description="Only records of this kind.")] = None,
        edge: Annotated[
            str | None,
            Query(
                max_length=400,
                description="Only moves from one step to another, as before:after; openings as :after.",
            ),
        ] = None,
        never: Annotated[
            bool | None,
            Query(
                description="Only newly refused moves whose gate was never met later (true), or was (false)."
            ),
        ] = None,
        waived: Annotated[
            bool | None, Query(description="Only moves for which somebody waived a requirement.")
        ] = None,
        by: Annotated[
            By, Query(description="List the decisions, or the records or owners they are of.")
        ] = "decision",
    ) -> Response:
        """`total` is how many there are: as many as the number in the impact that the same conditions describe."""
        record = None if record is None else tenant.reads.named(record)
        cases = Cases(verdict, requirement, owner, record, kind, edge, never, waived)
        return VisibleResponse(decisions(tenant.reads, replays, replay, ask, cases, by))

    @router.get(
        "/replays/{replay}/subjects/{subject}",
        summary="What a replay says of deadlines, approvals, assignment or reactions, row by row",
        responses=not_done,
    )
    def replay_subject(
        replay: str,
        subject: str,
        ask: Annotated[Ask, Depends(ask_of(tenant))],
        verdict: Annotated[
            tuple[str, ...],
            Query(
                max_length=5,
                description="Only rows with this verdict; may be repeated. `differs` means changed, gone or new.",
                examples=["differs"],
            ),
        ] = (),
        name: Annotated[
            str | None, Query(max_length=200, description="Only this deadline, chain, pool or reaction.")
        ] = None,
        person: Annotated[
            str | None, Query(max_length=200, description="Only what concerned this person, or would have.")
        ] = None,
        record: Annotated[
            str | None, Query(max_length=410, description="Only this record, as kind/id or collection/id.")
        ] = None,
        why: Annotated[
            str | None,
            Query(max_length=200, description="Only rows with this reason.", examples=["at capacity"]),
        ] = None,
    ) -> Response:
        """`total` is how many there are: as many as the number in the impact that the same conditions describe."""
        record = None if record is None else tenant.reads.named(record)
        cases = SubjectCases(verdict, name, person, record, why)
        return VisibleResponse(subject_cases(tenant.reads, replays, replay, subject, ask, cases))

    @router.get(
        "/replays/{replay}/datasets/{dataset}",
        summary="A dataset of a replay, whole",
        response_class=StreamingResponse,
        responses={200: {"description": "The rows.", "content": _FILES}, **not_done},
    )
    def replay_dataset(
        replay: str,
        dataset: str,
        form: Annotated[
            Literal["parquet", "csv", "json"],
            Query(alias="format", description="Parquet as it is kept, CSV, or one JSON object a line."),
        ] = "parquet",
    ) -> Response:
        """The file never changes. People and records stand under their ids."""
        job, kept = result_of(replays, replay)
        if dataset not in kept.datasets:
            raise NotFound("dataset", dataset, nearest(dataset, kept.datasets))
        path = replays.store.file(kept, dataset)
        about = kept.files[f"{dataset}.parquet"]
        headers = {
            "Content-Disposition": f'attachment; filename="{job.id[:12]}-{dataset}.{form}"',
            "ETag": f'"{about.sha256}-{form}"',
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
        }
        if form == "parquet":
            headers["Content-Length"] = str(about.size_bytes)
            return StreamingResponse(_pieces(path), media_type=_FORMS[form], headers=headers)
        spelled = csv_lines if form == "csv" else json_lines
        rows: Iterator[bytes] = spelled(pl.scan_parquet(path, glob=False))
        return StreamingResponse(rows, media_type=_FORMS[form], headers=headers)

    @router.get(
        "/playbooks/{name}/versions/{number}/comparison",
        summary="What a replay forecast of a version, and what has happened since",
    )
    def replay_comparison(name: str, number: int) -> Response:
        """Per requirement: refusals per hundred decisions, as the replay said for its window, and as they are since the version is in force.

        Per index and period: how many of its values differ from the forecast, and by how much.
        """
        return VisibleResponse(comparison(tenant.reads, replays, name, number))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while piece := content.read(_CHUNK_BYTES):
            yield piece
