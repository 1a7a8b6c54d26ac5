"""The language an answer is wanted in, as the header Accept-Language says (RFC 9110, 12.5.4)."""

from typing import Literal

Language = Literal["zh", "en"]

_MOST_RANGES = 20
"""Nobody prefers more languages than this; what is beyond is not read."""


def preferred(header: str) -> Language:
    """Return the language somebody prefers of Chinese and English; English unless Chinese is wanted, and wanted more.

    Of two that are wanted equally it is the one that is named first.
    """
    wanted: dict[str, float] = {}
    for part in header.split(",")[:_MOST_RANGES]:
        name, _, parameters = part.partition(";")
        wanted.setdefault(name.strip().lower().partition("-")[0], _weight(parameters))
    chinese = wanted.get("zh", 0.0)
    english = wanted.get("en", wanted.get("*", 0.0))
    names = list(wanted)
    first = "zh" in wanted and ("en" not in wanted or names.index("zh") < names.index("en"))
    return "zh" if chinese > 0 and (chinese > english or (chinese == english and first)) else "en"


def _weight(parameters: str) -> float:
    """The weight of a range: 1 when none is given, 0 when it cannot be read."""
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    value = value.strip()
    if not (value.isascii() and value.replace(".", "", 1).isdigit() and len(value) <= 5):
        return 0.0
    return min(float(value), 1.0)
