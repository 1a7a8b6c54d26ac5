"""The event store library's own contract tests of recorders, on ours.

Our recorder refuses the library's way in on purpose: an append is a sealed command. So an adapter makes commands of the
contract's stored events, and shows them without the genesis, which the contract does not know of.
"""

import contextlib
import io
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast
from unittest import TestCase
from uuid import UUID, uuid4

import eventsourcing.cryptography
import orjson
import pytest
from eventsourcing.persistence import IntegrityError, Notification, ProgrammingError, StoredEvent
from support.sales import an_append, is_whole

from commands.ports import Expectation, NewEvent
from infra.log.recorder import SealedRecorder


def _upstream() -> ModuleType:
    """The library's tests. They ask for an older cipher, of a package we have no other use for; it has the same shape."""
    sys.modules.setdefault("eventsourcing.cipher", eventsourcing.cryptography)
    import eventsourcing.tests.persistence as upstream  # noqa: PLC0415

    return upstream


upstream = _upstream()

GENESIS = 1
"""How many positions a log has before the contract's first event; versions are as many ahead, for ours begin at 1."""


@dataclass(frozen=True)
class Foreign:
    """An event of whatever topic the contract makes up."""

    TOPIC: str


class SealingRecorder(SealedRecorder):
    """Our recorder, as the contract speaks to it: every call goes through `append`, `select_events` and the log's own rows."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append stored events as one command that expects its streams where the events begin."""
        if not stored_events:
            return None
        expected: dict[str, int] = {}
        for event in stored_events:
            expected.setdefault(str(event.originator_id), event.originator_version)
        new = [
            NewEvent(
                str(event.originator_id),
                event.originator_version + 1,
                cast("Any", Foreign(event.topic)),
                {"bytes": b64encode(event.state).decode()},
            )
            for event in stored_events
        ]
        expectations = [Expectation(stream, version, own=True) for stream, version in expected.items()]
        (outcome,) = self.append([an_append(*new, key=uuid4().hex, expectations=expectations)])
        if outcome.result == "conflict":
            raise IntegrityError(outcome.moved_stream)
        assert outcome.first_position is not None
        assert outcome.last_position is not None
        return list(range(outcome.first_position - GENESIS, outcome.last_position - GENESIS + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Any:
        """Return a stream as the contract wrote it."""
        rows = super().select_events(
            originator_id,
            gt=None if gt is None else gt + 1,
            lte=None if lte is None else lte + 1,
            desc=desc,
            limit=limit,
        )
        return [
            StoredEvent(row.originator_id, row.originator_version - 1, row.topic, _state(row.state))
            for row in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return the log after its genesis."""
        found = super().select_notifications(
            GENESIS if start is None else start + GENESIS,
            limit,
            None if stop is None else stop + GENESIS,
            topics,
            inclusive_of_start=start is not None and inclusive_of_start,
        )
        return [
            Notification(n.originator_id, n.originator_version - 1, n.topic, _state(n.state), n.id - GENESIS)
            for n in found
        ]

    def max_notification_id(self) -> int | None:
        """Return the head, counted from the genesis."""
        head = super().max_notification_id()
        return None if head is None or head == GENESIS else head - GENESIS


class SealingAggregateRecorder(SealingRecorder):
    """The same, as a recorder of aggregates alone: nobody is told positions."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        """Append, and return nothing."""
        super().insert_events(stored_events, **kwargs)


def _state(state: bytes) -> bytes:
    return b64decode(orjson.loads(state)["bytes"])


class OnOurRecorder:
    """What the upstream classes are given: a fresh log for every test, opaque ids that are text, versions from 0."""

    INITIAL_VERSION = 0
    recorder_class: type[SealingRecorder] = SealingRecorder

    @pytest.fixture(autouse=True)
    def _fresh_log(self, a_tenant):
        self.tenant = a_tenant("contract", pool_size=10)
        yield
        # Whatever the contract wrote went through our function: the chain holds.
        assert is_whole(self.tenant.url)

    def new_originator_id(self) -> str:
        return f"deal/{uuid4().hex}"

    def create_recorder(self) -> SealingRecorder:
        return self.recorder_class(self.tenant.log.sealed.datastore)


class TestAggregateRecorder(OnOurRecorder, upstream.AggregateRecorderTestCase):
    """Our recorder keeps the contract of recorders of aggregates."""

    recorder_class = SealingAggregateRecorder


class TestApplicationRecorder(OnOurRecorder, upstream.ApplicationRecorderTestCase):
    """Our recorder keeps the contract of recorders of applications: notifications in order, and subscriptions."""

    def test_insert_subscribe(self) -> None:
        """Upstream leaves it to each recorder whether it can be subscribed to; ours can."""
        self.optional_test_insert_subscribe()


class TestNotificationsDoNotInterleave(OnOurRecorder, upstream.NonInterleavingNotificationIDsBaseCase):
    """What is appended together stands together, whoever else appends at the same time."""


OURS = {
    "AggregateRecorderTestCase": TestAggregateRecorder,
    "ApplicationRecorderTestCase": TestApplicationRecorder,
    "NonInterleavingNotificationIDsBaseCase": TestNotificationsDoNotInterleave,
}

_TRACKING = "a projection's cursor is a row of its own table, written with its rows; the log's recorder tracks nothing"
_MAPPER = "events are decoded by the allow-list of topics (LogMapper) and encrypted per data subject, not by the library's transcoder, compressor and cipher"
LEFT_OUT = {
    "TrackingRecorderTestCase": {"test_insert_tracking": _TRACKING, "test_wait": _TRACKING},
    "ProcessRecorderTestCase": dict.fromkeys(
        (
            "test_insert_select",
            "test_has_tracking_id",
            "test_raises_when_lower_inserted_later",
            "test_performance",
        ),
        _TRACKING,
    ),
    "InfrastructureFactoryTestCase": dict.fromkeys(
        (
            "test_mapper",
            "test_mapper_with_compressor",
            "test_mapper_with_cipher",
            "test_mapper_with_cipher_and_compressor",
            "test_mapper_with_wrong_cipher_key",
        ),
        _MAPPER,
    )
    | {
        "test_create_aggregate_recorder": "snapshots have no table of their own: states are folded and cached",
        "test_create_application_recorder": "the tables are made by migrations, never by the recorder",
        "test_create_tracking_recorder": _TRACKING,
        "test_create_process_recorder": _TRACKING,
    },
    "TranscoderTestCase": dict.fromkeys(
        (
            "test_custom_type_error",
            "test_custom_type_in_dict",
            "test_dict",
            "test_dict_subclass",
            "test_dict_with_len_2_and__data_",
            "test_dict_with_len_2_and__type_",
            "test_int_subclass",
            "test_list",
            "test_list_subclass",
            "test_mixed",
            "test_nested_custom_type",
            "test_str",
            "test_str_subclass",
            "test_tuple",
        ),
        _MAPPER,
    ),
}
"""Upstream tests that cannot hold by design, and why."""


def _tests_of(case: type) -> set[str]:
    return {name for name in dir(case) if name == "test" or name.startswith("test_")}


def test_nothing_else_of_the_contract_is_left_out():
    """Every upstream test case either runs on our recorder, all of it, or is named above with its reason."""
    cases = {
        name: case
        for name, case in vars(upstream).items()
        if isinstance(case, type) and issubclass(case, TestCase) and case is not TestCase and _tests_of(case)
    }
    assert set(cases) == set(OURS) | set(LEFT_OUT)
    for name, mine in OURS.items():
        assert issubclass(mine, cases[name])
        assert _tests_of(mine) >= _tests_of(cases[name])
        replaced = {
            test for test in _tests_of(cases[name]) if test in vars(mine) or test in vars(OnOurRecorder)
        }
        assert replaced == set(), "a test of the contract was replaced by one of ours"
    assert {name: set(tests) for name, tests in LEFT_OUT.items()} == {
        name: _tests_of(cases[name]) for name in LEFT_OUT
    }


def test_the_library_s_own_way_in_is_refused(a_tenant):
    """P2, P5: an insert without a key, a read set and an actor is no append; nothing is written."""
    tenant = a_tenant("refusing")
    with pytest.raises(ProgrammingError, match=r"SealedRecorder\.append"):
        tenant.log.sealed.insert_events([StoredEvent("deal/dea_1", 1, "topic", b"{}")])
    assert tenant.log.head() == 1


def test_the_contract_can_fail(a_tenant):
    """The contract, run on a recorder that loses the second event of every insert, fails."""

    class Losing(SealingRecorder):
        def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
            return super().insert_events(stored_events[:1], **kwargs)

    class Case(upstream.ApplicationRecorderTestCase):  # type: ignore[misc, name-defined]
        INITIAL_VERSION = 0
        new_originator_id = OnOurRecorder.new_originator_id

        def create_recorder(self) -> SealingRecorder:
            return Losing(a_tenant("losing").log.sealed.datastore)

    with contextlib.redirect_stdout(io.StringIO()), pytest.raises(AssertionError):
        Case("test_insert_select").debug()
