"""What a playbook asked for then: a rule of a draft that asks for anything else is about what nobody recorded."""

from domain.playbook.model import Kind
from domain.rules.facts import ANY_TOUCH
from domain.rules.nodes import Fact


def asked_for(fact: Fact, then: Kind) -> bool:
    """Tell whether a kind of then had the touches, the work, the field of a form or the chain a fact asks for. Evidence is judged by itself, for it may have been renamed."""
    match fact.name, fact.arguments:
        case "touches", (kind, _):
            return kind == ANY_TOUCH or kind in then.touches
        case "done", (template,):
            return template in then.work
        case "outcome", (template, field, _):
            return template in then.work and field in then.work[str(template)].read_by_rules
        case "approved", (chain,):
            return chain in then.approvals
        case _:
            return True
