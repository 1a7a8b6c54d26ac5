"""Who a request comes from."""

from dataclasses import dataclass
from typing import Literal

from domain.playbook.model import Right


@dataclass(frozen=True, slots=True)
class Caller:
    """Who issues a request, as its token says, and the language answers are wanted in.

    `client` is the program, and the scope of idempotency keys; `actor` is who acts (person/… or system/…).
    A service that acts for somebody names them in `on_behalf_of`: then their rights count, not the service's.
    `rights` are those of the system's own principals; people have theirs from their roles.
    """

    tenant: str
    client: str
    actor: str
    on_behalf_of: str | None = None
    rights: frozenset[Right] = frozenset()
    language: Literal["zh", "en"] = "en"
