"""What the demo says of itself, in both languages."""

from collections.abc import Mapping

DEMO: Mapping[str, tuple[str, str]] = {}
