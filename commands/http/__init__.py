"""Commands over HTTP: the way in for services and people; every route ends at the one command bus."""

from commands.http.desk import Desk
from commands.http.router import build_router

__all__ = ["Desk", "build_router"]
