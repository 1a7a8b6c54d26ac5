"""What a playbook asks of a value beside its type: a pattern, bounds, a length. Asked of new values; what is stored stays valid."""

from decimal import Decimal

from domain.labels import Label
from domain.playbook.fields import FieldSpec
from domain.rules.arithmetic import number_text
from domain.rules.patterns import PatternRefused, matcher
from domain.values import Stored, ValueRefused


class UnfitValue(ValueRefused):
    """A value of the right type does not have the form the playbook asks for; `why` says it in both languages."""

    def __init__(self, message: str, why: Label | None = None) -> None:
        super().__init__(message)
        self.why = why


def refuse_pattern(pattern: str) -> None:
    """Check a pattern of a field: it is one, and matching it takes time linear in the value. Raises PatternRefused."""
    matcher(pattern)
    try:
        matcher(_whole(pattern))
    except PatternRefused as refused:
        # Only its size is left to be refused: asked of the whole value, it has two places more.
        raise PatternRefused(0, refused.reason) from None


def refuse_unfit(spec: FieldSpec, stored: Stored) -> None:
    """Check a new stored value, not yet sealed, against what its field asks for. Raises UnfitValue; null always fits."""
    if isinstance(stored, str):
        if spec.max_length is not None and len(stored) > spec.max_length:
            raise UnfitValue(f"the text is longer than {spec.max_length:,} characters")
        if spec.pattern is not None and not matcher(_whole(spec.pattern))(stored):
            raise UnfitValue(_expected(spec, spec.pattern), spec.pattern_why)
    amount = stored.get("amount") if isinstance(stored, dict) else stored
    if isinstance(amount, str) and (spec.min is not None or spec.max is not None):
        number = Decimal(amount)
        unit = f" {spec.currency}" if spec.currency else ""
        if spec.min is not None and number < spec.min:
            raise UnfitValue(f"at least {number_text(spec.min)}{unit} is expected")
        if spec.max is not None and number > spec.max:
            raise UnfitValue(f"at most {number_text(spec.max)}{unit} is expected")


def _expected(spec: FieldSpec, pattern: str) -> str:
    if spec.pattern_why is None:
        return f"a value of the form {pattern} is expected"
    # In both languages, because a playbook that is checked does not know its reader's; of a problem `why` is told.
    return f"{spec.pattern_why.en} ({spec.pattern_why.zh})"


def _whole(pattern: str) -> str:
    """The pattern, asked of the whole value."""
    return f"^(?:{pattern})$"
