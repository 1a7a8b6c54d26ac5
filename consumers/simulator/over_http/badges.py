"""How the people of the simulation show who they are: with a token each, or with one program's token that may name them."""

from collections.abc import Callable, Mapping
from typing import Protocol

from commands.submission import Submission
from domain.playbook.model import Right

TokenMaker = Callable[[str, frozenset[Right]], str]


class Badges(Protocol):
    """Tells which headers say who issues a command."""

    def headers(self, submission: Submission) -> Mapping[str, str]:
        """Return the headers for whoever issues a command."""
        ...


class NoToken:
    """For a demo, which takes everybody for one caller."""

    def headers(self, submission: Submission) -> Mapping[str, str]:
        """Return nothing."""
        del submission
        return {}


class TokenEach:
    """A token for each actor, made when it is first needed: every event then names the person as its actor."""

    def __init__(self, make: TokenMaker) -> None:
        self._make = make
        self._made: dict[tuple[str, frozenset[Right]], str] = {}

    def headers(self, submission: Submission) -> Mapping[str, str]:
        """Return the actor's own token."""
        who = (submission.actor, submission.rights)
        if who not in self._made:
            self._made[who] = self._make(*who)
        return {"Authorization": f"Bearer {self._made[who]}"}


class OneToken:
    """One token of a program that may delegate: it acts, on behalf of the person, with the rights that person has."""

    def __init__(self, token: str) -> None:
        self._token = token

    def headers(self, submission: Submission) -> Mapping[str, str]:
        """Return the program's token, and whom it acts for."""
        told = {"Authorization": f"Bearer {self._token}"}
        if submission.actor.startswith("person/"):
            told["On-Behalf-Of"] = submission.actor
        return told
