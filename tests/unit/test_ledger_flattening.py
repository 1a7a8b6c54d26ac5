"""Flattening: any parts of a log give the rows the whole gives, and the rows say what the fold of a record says."""

import json
from datetime import datetime
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.given import OPPORTUNITY
from support.histories import histories, play
from support.ledgers import A_HISTORY
from support.replaying import the_law

from domain.events import FieldsConfirmed, MoveRefused, StageChanged, Touched
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM
from domain.organisation import state as organisation
from domain.record import state as record_state
from domain.values import moment_text
from projections.field_history import OWNER, STAGE, changes_of
from projections.ledger.ends import cut, ended, joined, shown, sorted_rows
from projections.ledger.flatten import about, flatten
from projections.ledger.framing import framed
from projections.ledger.memory import Memory, nothing_before, remembering
from projections.ledger.tables import TABLES
from projections.topics import RECORD_TOPICS

quickly = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def all_events(log):
    return log.after(0, 100_000)


def in_parts(events, borders):
    """Flatten part by part; each part begins with only what a recall could give it."""
    memory, rows = Memory(), {name: [] for name in TABLES}
    for start, stop in zip([0, *borders], [*borders, len(events)], strict=True):
        part = events[start:stop]
        assert about(part) <= memory.records.keys()
        flat = flatten(part, memory)
        memory = flat.after
        for name, noted in flat.rows.items():
            rows[name] += noted
    return rows, memory


def tables_of(events):
    """Every table of a log as it is shown, flattened at once."""
    flat = flatten(events, Memory())
    return {
        name: shown(table, ended(table, sorted_rows(table, flat.frame(name))).lazy()).collect()
        for name, table in TABLES.items()
    }


@quickly
@given(histories(taking_away=True), st.lists(st.floats(0, 1), max_size=5))
def test_flattening_in_any_parts_equals_flattening_at_once(steps, cuts):
    """Rows and what is known afterwards, wherever the log is cut: between the events of one command too."""
    events = all_events(play(steps).log)
    borders = sorted(int(share * len(events)) for share in cuts)
    whole = flatten(events, Memory())
    rows, memory = in_parts(events, borders)
    assert rows == whole.rows
    assert memory == whole.after
    assert memory.position == len(events)


@quickly
@given(histories(), st.floats(0, 1))
def test_what_was_flattened_already_adds_no_row(steps, share):
    """A batch that comes again, in whole or in part, is passed over by its positions."""
    events = all_events(play(steps).log)
    border = int(share * len(events))
    memory = flatten(events[:border], Memory()).after
    again = flatten(events, memory)
    assert again.rows == flatten(events[border:], memory).rows
    assert again.after == flatten(events, Memory()).after


@quickly
@given(histories(), st.floats(0, 1))
def test_flattening_leaves_what_was_known_before_as_it_was(steps, share):
    """The memory of a batch is never changed by flattening it, so a batch that failed can be flattened again."""
    events = all_events(play(steps).log)
    border = int(share * len(events))
    memory, same = (flatten(events[:border], Memory()).after for _ in range(2))
    flatten(events[border:], memory)
    assert memory == same


@quickly
@given(histories(), st.lists(st.floats(0, 1), max_size=4), st.floats(0, 1))
def test_parts_joined_equal_the_whole_as_of_any_position(steps, cuts, share):
    """Ends that lie in a later part are found there, and what ended later is open as of earlier."""
    events = all_events(play(steps).log)
    borders = sorted(int(cut * len(events)) for cut in cuts)
    position = int(share * len(events))
    rows, _ = in_parts(events, borders)
    edges = [0, *borders, len(events)]
    for name, table in TABLES.items():
        place = table.noted.names().index("position")
        parts = []
        for start, stop in pairwise(edges):
            own = [row for row in rows[name] if start < row[place] <= stop]
            frame = ended(table, sorted_rows(table, framed(name, own)))
            parts.append(cut(table, frame.lazy(), position))
        found = shown(table, pl.concat(joined(table, parts))).collect()
        expected = tables_of(events[:position])[name]
        assert_frame_equal(sorted_rows(table, found), expected)


@quickly
@given(histories(taking_away=True))
def test_the_tables_say_what_the_fold_of_each_record_says(steps):
    """Steps, owners, touches, evidence, relations and fields, each with its moments and counts."""
    played = play(steps)
    tables = tables_of(all_events(played.log))
    for stream in tables["records"]["record"]:
        record = record_state.fold(None, played.log.stream(stream))
        own = {name: frame.filter(pl.col("record") == stream) for name, frame in tables.items() if "record" in frame.columns}  # fmt: skip
        (opened,) = own["records"].to_dicts()
        assert (opened["path"], opened["external_id"], opened["opened_at"]) == (record.path, record.external_id, record.opened_at)  # fmt: skip
        visits = own["visits"].sort("position").to_dicts()
        assert dict(own["visits"]["step"].value_counts().iter_rows()) == record.entries
        assert [visit["ordinal"] for visit in visits] == list(range(1, len(visits) + 1))
        for visit, following in zip(visits, [*visits, None][1:], strict=True):
            ends = (visit["left_position"], visit["left_at"], visit["next_step"])
            assert ends == ((None,) * 3 if following is None else (following["position"], following["entered_at"], following["step"]))  # fmt: skip
        here = own["visits"].filter(pl.col("left_position").is_null()).to_dicts()
        assert [(v["step"], v["entered_at"]) for v in here] == ([(record.stage, record.stage_entered_at)] if record.stage else [])  # fmt: skip
        (owner,) = own["owners"].filter(pl.col("until").is_null())["owner"]
        assert owner == record.owner
        touches = own["touches"].filter(pl.col("until").is_null()).sort("noted")
        assert touches.select("touch_kind", "at", "touch", "contact").rows() == [
            (made.kind, made.at, made.id, made.contact) for made in record.touches
        ]
        assert own["evidence"].sort("position").select("evidence", "field", "sha256", "at").rows() == [
            (piece.id, piece.field, piece.sha256, piece.attached_at) for piece in record.evidence
        ]
        assert [
            None if day is None else day.isoformat()
            for day in own["evidence"].sort("position")["valid_until"]
        ] == [piece.valid_until for piece in record.evidence]
        relations = own["relations"].filter(pl.col("until").is_null())
        assert set(relations.select("relation", "to").iter_rows()) == record.relations
        fields = {
            name: None if new is None else json.loads(new)
            for name, new in own["field_changes"].sort("position").select("field", "new").iter_rows()
        }
        assert fields == dict(record.fields)


@quickly
@given(histories())
def test_confirmations_are_one_row_a_field(steps):
    """Who said so, when and through what; what was confirmed keeps its value, so there is no change beside."""
    events = all_events(play(steps).log)
    found = tables_of(events)["confirmations"].sort("position", "field")
    expected = [
        (recorded.stream, recorded.stream.partition("/")[0], recorded.position, name, recorded.occurred_at, recorded.recorded_at, recorded.actor, recorded.channel)
        for recorded in events
        if isinstance(recorded.event, FieldsConfirmed)
        for name in recorded.event.fields
    ]  # fmt: skip
    assert found.rows() == expected
    changed = tables_of(events)["field_changes"]["position"]
    assert not set(found["position"]) & set(changed)


@quickly
@given(histories())
def test_field_changes_are_those_of_the_field_history(steps):
    """The same changes, those of openings included; step and owner have tables of their own."""
    events = all_events(play(steps).log)
    found = tables_of(events)["field_changes"].sort("position", "field")
    expected = [
        (recorded.position, name, old, new)
        for recorded in events
        for name, old, new in sorted(changes_of(recorded), key=lambda change: change[0])
        if name not in {STAGE, OWNER}
    ]
    assert [
        (position, name, *(None if text is None else json.loads(text) for text in (old, new)))
        for position, name, old, new in found.select("position", "field", "old", "new").iter_rows()
    ] == expected


@quickly
@given(histories(taking_away=True))
def test_decisions_are_those_replay_judges_and_their_outcomes_stand_apart(steps):
    """One row a decision, with path and owner as they were; each has its outcome under the same position, and holds none."""
    played = play(steps)
    events = all_events(played.log)
    tables = tables_of(events)
    decisions, outcomes = (tables[name].sort("position") for name in ("decisions", "outcomes"))
    assert decisions.height == the_law(played.log, played.desk.vault).decisions
    assert decisions["position"].to_list() == outcomes["position"].to_list()
    assert not {"accepted", "unmet", "override"} & set(decisions.columns)
    by_position = {recorded.position: recorded for recorded in events}
    for row, outcome in zip(decisions.to_dicts(), outcomes.to_dicts(), strict=True):
        recorded = by_position[row["position"]]
        event = recorded.event
        assert outcome["accepted"] == (not isinstance(event, MoveRefused))
        before = record_state.fold(
            None,
            [earlier for earlier in played.log.stream(row["record"]) if earlier.position < row["position"]],
        )
        if before is not None:
            assert (row["path"], row["owner"]) == (before.path, before.owner)
            assert row["record_version"] == (before.version if outcome["accepted"] else event.record_version)
        if isinstance(event, MoveRefused):
            assert outcome["unmet"] == sorted(event.unmet)
            assert json.loads(row["edits"] or "{}") == event.fields
        elif isinstance(event, StageChanged):
            assert (row["before"], row["after"], row["move"]) == (event.before, event.after, event.move)
        assert by_position[row["began"]].command_id == recorded.command_id
        assert row["began"] == 1 or by_position[row["began"] - 1].command_id != recorded.command_id


@quickly
@given(histories())
def test_every_event_of_a_record_has_its_row(steps):
    """Refused attempts too, under the record they were about; nothing that is about no record."""
    events = all_events(play(steps).log)
    expected = [
        (
            recorded.position,
            getattr(recorded.event, "record", recorded.stream),
            None if isinstance(recorded.event, MoveRefused) else recorded.version,
            recorded.event.TOPIC,
        )
        for recorded in events
        if recorded.event.TOPIC in RECORD_TOPICS | {MoveRefused.TOPIC}
    ]
    found = tables_of(events)["events"].sort("position")
    assert found.select("position", "record", "version", "topic").rows() == expected


@quickly
@given(histories())
def test_people_and_publications_are_those_in_force_at_every_position(steps):
    """As of each position a person has one row, which says what the organisation said then."""
    log = play(steps).log
    events = all_events(log)
    tables = tables_of(events)
    for position in range(len(events) + 1):
        then = organisation.fold(None, [e for e in log.stream(ORGANISATION_STREAM) if e.position <= position])
        valid = tables["people"].filter(
            pl.col("position") <= position, pl.col("until").is_null() | (pl.col("until") > position)
        )
        assert {row["person"]: (row["team"], row["region"], row["manager"], row["active"], row["roles"]) for row in valid.to_dicts()} == {
            name: (person.team, then.region_of(name), person.manager, person.active, sorted(then.roles_of(name)))
            for name, person in then.people.items()
        }  # fmt: skip
        assert valid.height == len(then.people)
    published = [e for e in log.stream(PLAYBOOKS_STREAM) if e.event.TOPIC == "playbook.published.v1"]
    rows = tables["publications"].sort("position").to_dicts()
    assert [(row["name"], row["number"], row["position"]) for row in rows] == [
        (e.event.name, e.event.number, e.position) for e in published
    ]
    assert [
        None if row["effective_from"] is None else moment_text(row["effective_from"]) for row in rows
    ] == [
        None
        if e.event.effective_from is None
        else moment_text(datetime.fromisoformat(e.event.effective_from))
        for e in published
    ]


@quickly
@given(histories())
def test_no_name_of_a_person_and_no_free_text_is_in_the_clear(steps):
    """Personal values are sealed in the rows as they are in the log."""
    tables = tables_of(all_events(play(steps).log))
    for frame in tables.values():
        text = frame.write_ndjson()
        assert not [
            word for word in ("Anna", "they said", "call back soon", "because", "13800138000") if word in text
        ]


def test_a_record_that_nobody_remembers_is_an_error():
    """Rows of a record whose beginning is unknown would be wrong, so there are none."""
    history = play(A_HISTORY).log.stream(OPPORTUNITY)
    (touched, *_) = [recorded for recorded in history if isinstance(recorded.event, Touched)]
    with pytest.raises(KeyError):
        flatten([touched], Memory())
    assert remembering(Memory(), [], nothing_before).records == {}
