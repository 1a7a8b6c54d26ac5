"""Fixtures of the tests that put the parts together."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.guides import a_readers_environment
from support.loaded_program import loaded_program


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """A folder with `dealtrail` in it, loaded once for all tests of a worker that type it into a shell again and again."""
    with loaded_program(a_readers_environment()) as folder:
        yield folder
