"""The in-memory twins keep the contract of the real log and vault, so that what is tried on them holds."""

import pytest
from support.log_contract import NOON, LogContract, VaultContract
from support.memory import MemoryLog, MemoryVault


@pytest.fixture
def vault():
    return MemoryVault()


@pytest.fixture
def log(vault):
    return MemoryLog.begun(vault)


@pytest.fixture
def simulated_log():
    return MemoryLog.begun(simulated=True, told_time=NOON)


@pytest.fixture
def empty_log():
    return MemoryLog()


@pytest.fixture
def another_process():
    return MemoryLog.another_process


class TestMemoryLog(LogContract):
    """MemoryLog is a log."""


class TestMemoryVault(VaultContract):
    """MemoryVault is a vault."""


def test_the_memory_log_lets_things_happen_meanwhile(log):
    """Each hook runs once, just before one append."""
    seen = []
    log.meanwhile(lambda: seen.append("first"), lambda: seen.append("second"))
    log.append([])
    assert seen == ["first"]
    log.append([])
    log.append([])
    assert seen == ["first", "second"]
