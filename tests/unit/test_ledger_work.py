"""Work, forks, approvals, assignments and firings in the ledger: every event has its row, and kept, cut and rebuilt rows are the same."""

import json
import shutil
import tempfile
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.ledgers import UpTo, a_ledger, assert_says, flattened, rows_of
from support.worked import A_WORKED_LOG, ToldLog, random_worked_story

from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.events import EVENTS
from domain.naming import ORGANISATION_STREAM
from domain.organisation import state as organisation
from domain.reacting.events import REACTION_EVENTS
from domain.values import moment_text
from domain.work.events import WORK_EVENTS, ApprovalRequested, WorkCompleted, WorkForked
from domain.work.state import fold_work
from projections.ledger.checking import check_files, check_rows, repair
from projections.ledger.flatten import flatten
from projections.ledger.memory import Memory
from projections.ledger.organisation import organisation_at
from projections.ledger.tables import TABLES

OF_WORK = ("work", "forks", "approvals", "assignments", "firings", "reactions")
NEW = (*OF_WORK, "organisation_events")
quickly = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
seeds = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A ledger of several segments a partition."""
    folder = tmp_path_factory.mktemp("ledger")
    a_ledger(folder, A_WORKED_LOG, part=120).update()
    return folder


def tables_of(log: ToldLog) -> dict[str, pl.DataFrame]:
    return flattened(log, log.head())


def test_the_log_these_tests_stand_on_has_every_event_of_work():
    """Otherwise a table could be wrong where nobody looks."""
    topics = {item.event.TOPIC for item in A_WORKED_LOG.after(0, 10_000)}
    own = (*WORK_EVENTS, PoolAssigned, PoolClaimed, PoolReturned, PoolRecycled, DeadlineNoticed, DeadlineAcknowledged, *REACTION_EVENTS)  # fmt: skip
    people = {topic for topic in EVENTS if topic.startswith("organisation.")} - {"organisation.role-revoked.v1", "organisation.person-left.v1"}  # fmt: skip
    assert {event.TOPIC for event in own} | people <= topics


@quickly
@given(seeds)
def test_every_event_has_its_row_under_the_record_it_is_about(seed):
    """Those of pools and deadlines too, whose streams are not the record's; with who, for whom, when, and by which rules."""
    log = ToldLog(random_worked_story(seed))
    tables = tables_of(log)
    own = {event.TOPIC for event in WORK_EVENTS} | {
        topic for topic in EVENTS if topic.startswith(("pool.", "deadline.", "reaction."))
    }
    expected = [
        (
            item.position,
            getattr(item.event, "record", item.stream),
            "deal",
            item.actor,
            item.on_behalf_of,
            item.playbook,
            item.playbook_version,
            item.basis,
            item.decided_at,
            item.occurred_at,
            item.recorded_at,
        )
        for item in log.after(0, 10_000)
        if item.event.TOPIC in own
    ]
    columns = ["position", "record", "kind", "actor", "on_behalf_of", "playbook", "playbook_version", "basis", "decided_at", "at", "recorded_at"]  # fmt: skip
    found = pl.concat([tables[name].select(columns) for name in OF_WORK]).sort("position")
    assert found.rows() == expected


@quickly
@given(seeds)
def test_work_rows_say_who_has_it_after_each_event(seed):
    """The assignee, whose it is, the template, the fork and the limit are those of the record's own fold at that position."""
    log = ToldLog(random_worked_story(seed))
    rows = {row["position"]: row for row in tables_of(log)["work"].to_dicts()}
    state = {}
    for item in log.after(0, 10_000):
        if item.event.TOPIC not in {event.TOPIC for event in WORK_EVENTS}:
            continue
        state[item.stream] = fold_work(*state.get(item.stream, ({}, {}, {})), item)
        row = rows.get(item.position)
        if row is None:
            assert isinstance(item.event, WorkForked) or hasattr(item.event, "approval")
            continue
        work = state[item.stream][0][row["work"]]
        assert (row["template"], row["assignee"], row["asked"], row["fork"], row["leg"], row["priority"]) == (
            work.template, work.assignee, work.asked, work.fork, work.leg, work.priority,
        )  # fmt: skip
        assert (None if row["due_at"] is None else moment_text(row["due_at"])) == work.due_at
        assert row["event"] == item.event.TOPIC.removeprefix("record.work-").removesuffix(".v1")
        told = {name: getattr(item.event, name, None) for name in ("item", "how", "waiting_for")}
        assert {name: row[name] for name in told} == told
        form = item.event.fields if isinstance(item.event, WorkCompleted) else {}
        assert (None if row["fields"] is None else orjson.loads(row["fields"])) == (form or None)


def test_forks_approvals_assignments_and_firings_say_what_their_events_say():
    """Member by member, in every event of the log; what only one kind of event tells is empty in the others."""
    tables = tables_of(A_WORKED_LOG)
    events = {item.position: item for item in A_WORKED_LOG.after(0, 10_000)}
    chains = {item.event.approval: item.event for item in events.values() if isinstance(item.event, ApprovalRequested)}  # fmt: skip
    seen = 0
    for name in OF_WORK[1:]:
        for row in tables[name].to_dicts():
            event = events[row["position"]].event
            told = dict(event.payload())
            if name == "approvals":
                told |= {"chain": chains[event.approval].chain, "order": chains[event.approval].order}
                told = {key: value for key, value in told.items() if key not in ("comment", "playbook", "number")}  # fmt: skip
            told = {key: value for key, value in told.items() if key not in ("record", "message")}
            for member, value in told.items():
                if member in ("levels", "candidates", "legs"):
                    assert json.loads(row[member]) == value
                elif member.endswith("_at") and member != "armed_at":
                    assert moment_text(row[member]) == value
                else:
                    assert row[member] == value, member
                seen += 1
            if name == "assignments":
                assert row["pool"] == "desk"
                cause = events[row["position"]].causation_id
                assert row["cause"] == (None if cause is None else int(cause))
            if name != "forks":
                assert row["event"] in event.TOPIC
    assert seen > 100


@quickly
@given(seeds, st.floats(0, 1))
def test_the_organisation_as_of_any_position_is_folded_from_the_ledger_alone(seed, share):
    """Who is away, who stands in and who can do what included."""
    log = ToldLog(random_worked_story(seed))
    position = int(share * log.head())
    with tempfile.TemporaryDirectory() as folder:
        view = a_ledger(Path(folder), log).at()
        expected = organisation.fold(
            None, [item for item in log.stream(ORGANISATION_STREAM) if item.position <= position]
        )
        assert organisation_at(view, position) == expected
        assert organisation_at(a_ledger(Path(folder), log).at(position)) == expected


@quickly
@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_segments_and_tail_say_what_the_log_says_at_every_position(seed, share, asked):
    """Written up to somewhere in segments of seven events, read at the head, before and behind what is written; then all written."""
    log = ToldLog(random_worked_story(seed, 70))
    written, wanted = int(share * log.head()), int(asked * log.head())
    with tempfile.TemporaryDirectory() as folder:
        a_ledger(Path(folder), UpTo(log, written)).update()
        ledger = a_ledger(Path(folder), log)
        assert_says(ledger.at(), log, log.head())
        assert_says(ledger.at(wanted), log, wanted)
        ledger.update()
        assert_says(ledger.at(), log, log.head())
        assert_says(ledger.at(wanted), log, wanted)


def test_a_rebuilt_ledger_equals_the_kept_one_row_by_row(tmp_path):
    """The kept one grew in two goes and was compacted; the rebuilt one was made at once."""
    log = A_WORKED_LOG
    a_ledger(tmp_path, UpTo(log, log.head() // 2), part=60).update()
    ledger = a_ledger(tmp_path, log, part=60)
    ledger.update()
    assert check_rows(ledger, a_ledger(tmp_path / "beside", log)) == []
    kept = {name: rows_of(ledger.at(), name) for name in TABLES}
    ledger.rebuild()
    assert_says(ledger.at(), log, log.head())
    for name, frame in kept.items():
        assert_frame_equal(rows_of(ledger.at(), name), frame)
    assert all(kept[name].height for name in NEW)


@quickly
@given(seeds, st.lists(st.floats(0, 1), max_size=4))
def test_flattening_in_any_parts_with_everything_forgotten_between_is_flattening_at_once(seed, cuts):
    """What later rows repeat is looked up in earlier rows: who has the work, which chain it was."""
    log = ToldLog(random_worked_story(seed, 70))
    whole = tables_of(log)
    with tempfile.TemporaryDirectory() as folder:
        for position in sorted({int(cut * log.head()) for cut in cuts} | {log.head()}):
            a_ledger(Path(folder), UpTo(log, position), part=10_000).update()
        view = a_ledger(Path(folder), log).at()
        for name in NEW:
            assert_frame_equal(rows_of(view, name), whole[name])


@pytest.mark.parametrize("how", ["missing", "cut", "edited"])
@pytest.mark.parametrize("table", NEW)
def test_a_damaged_segment_is_named_and_made_again(written, tmp_path, table, how):
    """Also one whose rows repeat what stands in an earlier segment."""
    shutil.copytree(written, tmp_path / "ledger")
    ledger = a_ledger(tmp_path / "ledger", A_WORKED_LOG)
    manifest = ledger.kept()
    segment = manifest.of(table)[-1]
    path = ledger.store.path(segment.name, segment.size_bytes, segment.sha256)
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    (finding,) = check_files(ledger)
    assert (finding.fault, finding.table) == (how, table)
    assert repair(ledger, [finding]) == manifest
    assert check_files(ledger) == []


def test_free_text_stays_sealed():
    """Titles, notes and comments are in no row; names of people stay as sealed as in the log."""
    tables = tables_of(A_WORKED_LOG)
    text = "".join(tables[name].write_ndjson() for name in OF_WORK)
    assert "$sealed" not in text
    payloads = tables["organisation_events"]["payload"].to_list()
    joined = [json.loads(told)["name"] for told in payloads if '"name"' in told and '"person"' in told]
    assert [name for name in joined if name is not None and "$sealed" not in name] == []
    assert any(name is not None for name in joined)


def test_work_of_a_record_that_nobody_remembers_is_an_error():
    """A row that says who has what would be wrong without its beginning, so there is none."""
    found = [
        item
        for item in A_WORKED_LOG.after(0, 10_000)
        if item.event.TOPIC in ("record.work-accepted.v1", "record.approval-commented.v1")
    ]
    assert len({item.event.TOPIC for item in found}) == 2
    for item in found:
        with pytest.raises(KeyError):
            flatten([item], Memory())
