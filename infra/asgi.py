"""The HTTP service of one tenant, as the command line and tests start it."""

from infra.http.app import build

__all__ = ["build"]
