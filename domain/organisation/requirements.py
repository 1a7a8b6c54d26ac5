"""What must be known of whoever works here: the playbooks in force ask for it, and joining or moving is refused without it."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from domain.labels import Label
from domain.playbook.model import Joining, JoiningFact
from domain.refusals import GateNotMet, Unmet

JOINING_REQUIREMENTS: Mapping[JoiningFact, Label] = {
    JoiningFact.team: Label(zh="团队", en="Team"),
    JoiningFact.region: Label(zh="大区", en="Region"),
    JoiningFact.manager: Label(zh="直属上级", en="Manager"),
    JoiningFact.email: Label(zh="邮箱", en="E-mail"),
    JoiningFact.role: Label(zh="角色", en="Role"),
}
"""What each fact is called where no playbook calls it otherwise."""


class PersonNotComplete(GateNotMet):
    """A person may not join or move like this; `unmet` lists everything that is not known of them."""

    def __init__(self, unmet: Sequence[Unmet]) -> None:
        super().__init__("organisation", unmet)


def refuse_incomplete(
    joinings: Iterable[Joining],
    known: Collection[JoiningFact],
    about: Collection[JoiningFact] = tuple(JoiningFact),
) -> None:
    """Refuse a person of whom something is not known that a playbook requires. Raises PersonNotComplete.

    `about` are the facts the command decides on: a move says nothing of e-mail and roles.
    """
    asked: dict[JoiningFact, Unmet] = {}
    for joining in joinings:
        for fact in joining.requires:
            label = joining.labels.get(fact, JOINING_REQUIREMENTS[fact])
            asked.setdefault(
                fact, Unmet(f"organisation:{fact}", "organisation", label, joining.why, fact.value)
            )
    missing = [asked[fact] for fact in JoiningFact if fact in asked and fact in about and fact not in known]
    if missing:
        raise PersonNotComplete(missing)
