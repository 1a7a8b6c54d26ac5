"""The program is interrupted while Python still reads it in."""

import sys
from types import ModuleType

import pytest

from infra.cli.start import start


class HalfRead(ModuleType):
    """A module in the middle of which somebody pressed Ctrl-C."""

    def __getattr__(self, name):
        raise KeyboardInterrupt


def test_ctrl_c_in_the_first_moment_ends_it_quietly(monkeypatch, capsys):
    """The first second of a command, in which its modules are read in, ended with a traceback."""
    monkeypatch.setitem(sys.modules, "infra.cli.main", HalfRead("infra.cli.main"))
    with pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
