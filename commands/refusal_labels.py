"""Words for requirement ids: an answer that is given again is rendered from what the log holds."""

from domain.envelope import Recorded
from domain.events import MoveRefused
from domain.labels import Label
from domain.naming import split_stream
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.record.gates import MOVE_REQUIREMENTS
from domain.refusals import Unmet


def unmet_by_id(playbooks: Playbooks, recorded: Recorded, refused: MoveRefused) -> list[Unmet]:
    """Return the unmet requirements of a recorded refusal, in the words of the playbook version it was decided under."""
    playbook = playbooks.versions[(recorded.playbook or "", recorded.playbook_version or 0)]
    kind = playbook.kind(split_stream(refused.record)[0])
    return [_unmet(kind, requirement) for requirement in refused.unmet]


def _unmet(kind: Kind, requirement: str) -> Unmet:
    what, _, name = requirement.partition(":")
    if what in {"field", "evidence"}:
        spec = kind.fields[name]
        return Unmet(requirement, what, spec.label, spec.why, name)
    for _, _, _, gate in kind.gates:
        if what == "condition" and name in gate.conditions:
            condition = gate.conditions[name]
            return Unmet(requirement, what, condition.label, condition.why)
    return Unmet(
        requirement, what, MOVE_REQUIREMENTS.get(requirement) or Label(zh=requirement, en=requirement)
    )
