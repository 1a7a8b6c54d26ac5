"""What a replay is asked: which decisions, of which records, under which draft; and the name that follows from it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

import orjson

from domain.naming import nearest
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.publish import digest
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook, Scope
from domain.refusals import InvalidCommand, NotFound, Problem, unknown_name
from projections.ledger.view import View

ENGINE: Final = 5
"""Raised whenever the same question may be answered otherwise than before; a kept result of another engine is another result."""

INDICES: Final = "indices"
EVERYTHING: Final = frozenset({INDICES, "deadlines", "approvals", "assignment", "reactions"})
"""What is replayed beside gates."""


@dataclass(frozen=True, slots=True)
class Window:
    """The decisions recorded after one position and up to another one."""

    after: int
    upto: int


@dataclass(frozen=True)
class Ask:
    """A replay that is asked for: a window of the log, a scope as in publications (empty: all records), and a draft.

    Without a draft only the law is checked. `number` is the draft's, where it was kept as one, `clock` that of the log: both are only told.
    `moment` is when gates that are asked now are asked: when the last event of the view was recorded (default: the last one about a record).
    `about` says what is replayed beside gates; None: indices, and whatever the draft says otherwise than the versions in force.
    """

    window: Window
    scope: Scope = field(default_factory=dict)
    draft: PublishedPlaybook | None = None
    moment: datetime | None = None
    number: int | None = None
    clock: str = "database"
    about: frozenset[str] | None = None

    @cached_property
    def digest(self) -> str | None:
        """The SHA-256 of the draft's document and rules."""
        return None if self.draft is None else digest(self.draft)

    def id(self, view: View) -> str:
        """Name the answer by all it depends on, so that the same question has the same name for ever."""
        told = [
            ENGINE,
            view.manifest.tenant,
            [self.window.after, self.window.upto],
            {name: sorted(options) for name, options in self.scope.items()},
            self.digest,
            view.position,
            *([] if self.about is None else [["gates", *sorted(self.about)]]),
            *([self.draft.mappings_json] if self.draft is not None and self.draft.mappings else []),
        ]
        return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def refuse_unfit(ask: Ask, view: View, playbooks: Playbooks) -> None:
    """Refuse what cannot be answered: a window before the log began, beyond its head or empty, a draft of no playbook, an unknown scope.

    Raises InvalidCommand with everything that is wrong, and NotFound with the nearest playbook.
    """
    after, upto = ask.window.after, ask.window.upto
    problems = unknown_names(ask.scope, ask.about, ask.draft)
    if after < 0 or upto < 1:
        problems.append(Problem("/window", "the log began at position 1; nothing was decided before"))
    elif upto > view.position:
        problems.append(Problem("/window", f"the log ends at position {view.position:,}"))
    elif after >= upto:
        problems.append(Problem("/window", "the window holds nothing: it ends before it begins"))
    if ask.draft is not None:
        names = {name for name, _ in playbooks.versions}
        if ask.draft.name not in names:
            raise NotFound("published playbook", ask.draft.name, nearest(ask.draft.name, names))
    if problems:
        raise InvalidCommand(problems)


def unknown_names(
    scope: Iterable[str], about: Set[str] | None, draft: PublishedPlaybook | None
) -> list[Problem]:
    """Name what a question names and there is none of: subjects, and choice fields of the draft. It can be told before anything is looked at."""
    problems = [
        unknown_name("/about", f"{name!r} is nothing a replay is about", name, sorted(EVERYTHING))
        for name in sorted((about or frozenset()) - EVERYTHING)
    ]
    if draft is None:
        return problems
    choices = {
        name
        for kind in draft.document.kinds.values()
        for name, spec in kind.fields.items()
        if spec.options and not spec.is_personal
    }
    valid = [*sorted(choices), OWNER_REGION, OWNER_TEAM]
    return problems + [
        unknown_name(f"/scope/{name}", f"there is no choice field {name!r}", name, valid)
        for name in scope
        if name not in valid
    ]


def unknown_options(
    scope: Mapping[str, Sequence[str]], draft: PublishedPlaybook, view: View, organisation: Organisation
) -> list[Problem]:
    """Name the options a scope names and there are none of: those of the draft's choice fields, teams and regions, whoever they once were of.

    A replay of nothing would look like one that changes nothing.
    """
    places = view.scan("people").select("team", "region").unique().collect()
    valid = {
        OWNER_TEAM: {*organisation.teams, *places["team"].drop_nulls()},
        OWNER_REGION: {
            *(team.region for team in organisation.teams.values() if team.region is not None),
            *places["region"].drop_nulls(),
        },
    }
    for kind in draft.document.kinds.values():
        for name, spec in kind.fields.items():
            valid[name] = valid.get(name, set()) | set(spec.options)
    return [
        unknown_name(
            f"/scope/{name}", f"there is no option {option!r} of {name!r}", option, sorted(valid[name])
        )
        for name, options in scope.items()
        for option in options
        if name in valid and option not in valid[name]
    ]
