"""The page about events."""

from dataclasses import MISSING, fields

from domain.events import EVENTS
from infra.reference.wording import doc, table, type_in_words


def events() -> str:
    """Every topic the log may hold, with the members of its payload."""
    lines = [
        "# Events",
        "",
        "Every topic the log may hold. Who, when and why stand in the columns beside the payload ([format](../format.md)).",
        "",
    ]
    for topic, event in EVENTS.items():
        rows = [
            (
                f"`{item.name}`",
                type_in_words(item.type),
                "required"
                if item.default is MISSING and item.default_factory is MISSING
                else "left out when empty",
            )
            for item in fields(event)
        ]
        lines += [f"## `{topic}`", "", doc(event), "", *table(("member", "type", ""), rows)]
    return "\n".join(lines)
