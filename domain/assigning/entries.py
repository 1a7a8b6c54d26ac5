"""Many entries of which few change at a time: a new version shares what it does not change with the one before."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")

_MOST_BESIDE = 1_000
"""How many changed entries lie beside the others before they are put together: copying all is then spread over as many versions."""


class Entries(Mapping[str, Value], Generic[Value]):
    """A mapping that never changes, cheap to make another one of."""

    __slots__ = ("_beside", "_shared")

    def __init__(self, shared: Mapping[str, Value] | None = None) -> None:
        self._shared: dict[str, Value] = dict(shared or {})
        self._beside: dict[str, Value] = {}

    def changed(self, changes: Mapping[str, Value]) -> "Entries[Value]":
        """Return a mapping that holds these entries too, in place of those of the same name."""
        if not changes:
            return self
        found = Entries[Value]()
        beside = {**self._beside, **changes}
        if len(beside) > _MOST_BESIDE:
            found._shared = {**self._shared, **beside}
        else:
            found._shared, found._beside = self._shared, beside
        return found

    def __getitem__(self, name: str) -> Value:
        return self._beside[name] if name in self._beside else self._shared[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._shared
        yield from (name for name in self._beside if name not in self._shared)

    def __len__(self) -> int:
        return len(self._shared) + sum(name not in self._shared for name in self._beside)
