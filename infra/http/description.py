"""The description of the API in OpenAPI, for the playbooks in force."""

from typing import Any

from fastapi import FastAPI

from commands.http.describing import PERSON_PARAMETER, problem_response
from commands.http.headers import ON_BEHALF_OF
from commands.http.openapi import expand
from domain.playbook.catalogue import Playbooks
from infra.http.problems import described

SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of the issuer this server trusts, for this tenant. `dealtrail token` makes one for trials.",
}
_PUBLIC_TAG = "health"
_OF_THE_PERSON = {
    "400": "The request cannot be read.",
    "403": "This client may not act for somebody else, or this needs a right the caller does not have.",
}
"""What an operation may answer because somebody may be named that it is done for."""


def _problem_of(error: Exception) -> dict[str, Any]:
    """What an error is answered with, for the examples."""
    return described(error, "en").body("en")


class Description:
    """Describes the routes of an application; made again only when the playbooks have changed."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._made: tuple[int, dict[str, Any]] | None = None

    def of(self, playbooks: Playbooks) -> dict[str, Any]:
        """Return the description for the playbooks in force."""
        if self._made is None or self._made[0] != playbooks.version:
            self._made = (playbooks.version, expand(self.plain(), playbooks, _problem_of))
        return self._made[1]

    def plain(self) -> dict[str, Any]:
        """Return the description as it is for any playbooks."""
        document = self._app.openapi()
        document.setdefault("components", {}).setdefault("securitySchemes", {})["token"] = SECURITY_SCHEME
        document["security"] = [{"token": []}]
        for operations in document["paths"].values():
            for operation in operations.values():
                if _PUBLIC_TAG in operation.get("tags", ()):
                    operation["security"] = []
                elif not any(found["name"] == ON_BEHALF_OF for found in operation.get("parameters", ())):
                    operation.setdefault("parameters", []).append(dict(PERSON_PARAMETER))
                    for status, text in _OF_THE_PERSON.items():
                        operation["responses"].setdefault(status, problem_response(text))
        return document
