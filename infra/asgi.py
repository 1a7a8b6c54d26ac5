"""The HTTP service of one tenant: the read API, with read models that follow the log while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from infra.follower import Follower
from infra.tenant import Tenant
from read_api.app import create_app


def build(tenant: Tenant) -> FastAPI:
    """Build the service for one tenant."""

    @asynccontextmanager
    async def following(_: FastAPI) -> AsyncIterator[None]:
        follower = Follower(tenant.url, tenant.catch_up)
        follower.start()
        try:
            yield
        finally:
            follower.stop()

    return create_app(tenant, lifespan=following)
