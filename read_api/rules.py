"""Routes about playbooks, and about what the records they describe look like."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from projections import rulebooks, schemas
from projections.as_of import Horizon
from read_api.answers import MinPosition, ReadTenant, VisibleResponse, known_of

Number = Annotated[int, Path(ge=1, lt=2**31)]


def add_rule_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the routes about playbooks and schemas."""

    @router.get("/playbooks", summary="The playbooks in force")
    def playbooks(horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        return VisibleResponse(rulebooks.playbooks(tenant.reads, horizon))

    @router.get("/playbooks/{name}", summary="A playbook: its versions and drafts")
    def playbook(name: str, horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        return VisibleResponse(rulebooks.playbook(tenant.reads, name, horizon))

    @router.get("/playbooks/{name}/versions/{number}", summary="A version of a playbook, with its rules")
    def version(name: str, number: Number) -> Response:
        return VisibleResponse(rulebooks.version(tenant.reads, name, number))

    @router.get("/playbooks/{name}/drafts/{number}", summary="A draft of a playbook, as it was kept")
    def draft(name: str, number: Number) -> Response:
        return VisibleResponse(rulebooks.draft(tenant.reads, name, number))

    @router.get("/schemas", summary="The kinds of record there are")
    def kinds(horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        return VisibleResponse(schemas.schemas(tenant.reads, horizon))

    @router.get("/schemas/{kind}", summary="What records of a kind look like, and the way they take")
    def kind(kind: str, horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        """The fields as JSON Schema 2020-12, and the stages with what their gates ask."""
        return VisibleResponse(schemas.schema(tenant.reads, kind, horizon))

    @router.get("/lookups/{kind}/{field}", summary="Whom a value leads to, as a form shows it")
    def lookup(
        kind: str,
        field: str,
        value: Annotated[
            str,
            Query(
                max_length=400, description="What somebody wrote into the field.", examples=["13800138000"]
            ),
        ],
        min_position: MinPosition = None,
    ) -> Response:
        """The record whose field holds the value, and what of it stands beside the field; null where nobody has it."""
        if min_position is not None:
            tenant.reads.wait_for(min_position)
        return VisibleResponse(tenant.reads.look_up(kind, field, value))
