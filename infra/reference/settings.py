"""The page about settings."""

from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from infra.reference.wording import table
from infra.settings import Settings


def name_of(member: str, spec: FieldInfo) -> str:
    """Return the environment variable of a setting."""
    alias = spec.validation_alias
    return alias if isinstance(alias, str) else f"DEALTRAIL_{member.upper()}"


def settings() -> str:
    """Every setting."""
    rows = [
        (f"`{name_of(member, spec)}`", _default(spec.get_default()), _range(spec), spec.description)
        for member, spec in Settings.model_fields.items()
    ]
    lines = [
        "# Settings",
        "",
        "From the environment, or an `.env` file in the working folder.",
        "",
        *table(("setting", "default", "range", "meaning"), rows),
    ]
    return "\n".join(lines)


def _default(value: Any) -> str:
    return "none" if value is None or value == {} else f"`{value}`"


def _range(spec: FieldInfo) -> str:
    words = []
    for limit in spec.metadata:
        match limit:
            case Ge(ge=bound):
                words.append(f"≥ {bound}")
            case Gt(gt=bound):
                words.append(f"> {bound}")
            case Le(le=bound):
                words.append(f"≤ {bound}")
            case Lt(lt=bound):
                words.append(f"< {bound}")
            case MinLen(min_length=1):
                words.append("not empty")
            case _:
                pattern = getattr(limit, "pattern", None)
                if pattern is not None:
                    words.append(f"`{pattern}`")
    return ", ".join(words)
