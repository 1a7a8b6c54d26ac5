"""Replay of approvals: who would have been asked, beside an oracle that knows nothing of the product."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from support.agreeing_comparing import differences, replayed_approvals
from support.agreeing_histories import DEALS, SAM, SUE, VERA, Agreed, play
from support.agreeing_playbooks import drafts, published_versions
from support.desk import an_empty_desk
from support.given import NOW

import projections.replay.approvals as approvals
import projections.replay.approvals.routing as routing
import projections.replay.drafted_rules as drafted_rules
from domain.organisation.commands import AddPerson, NoteAbsence
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import OpenRecord
from domain.work.commands import RequestApproval
from projections.ledger.running import Cancelled
from projections.replay.approvals.routing import Routed
from projections.replay.deadlines.histories import People
from projections.replay.footing import Known
from projections.replay.histories import Histories

HISTORIES = 42
SEEN: Counter[str] = Counter()
Patch = pytest.MonkeyPatch


def draft_of(number: int) -> Any:
    """The draft the history of a number is replayed under."""
    return drafts()[(3, 4, 5, 6, 3, 1, 2)[number % 7]]


@pytest.mark.parametrize("number", range(HISTORIES))
def test_replay_of_approvals_says_what_the_oracle_says_and_the_law_holds(number):
    """Levels and people of every request again, under the rules of then and under a draft."""
    played = play(number)
    assert differences(played, draft_of(number), partitions=1 + number % 3) == []
    found = replayed_approvals(played, draft_of(number))
    assert found.law.different == []
    _note(found)


def _note(found: Any) -> None:
    rows = found.datasets["approvals"]
    SEEN.update(rows["verdict"].to_list())
    SEEN.update(why for why in rows["why"].to_list() if why is not None)
    SEEN["erased"] += found.law.erased


def test_the_histories_ask_for_agreement_in_every_way():
    """A comparison of histories in which nobody asks would prove nothing."""
    if not SEEN:
        for number in range(HISTORIES):
            _note(replayed_approvals(play(number), draft_of(number)))
    verdicts = ("unchanged", "changed", "gone", "new", "not_judgeable")
    whys = (
        "another quorum", "another order", "no such chain", "chain does not apply", "level not asked", "role asked",
        "role not asked", "reads what nobody recorded",
    )  # fmt: skip
    assert all(SEEN[what] >= 2 for what in (*verdicts, *whys)), SEEN
    assert SEEN["another person"]
    assert SEEN["level asked"]
    assert SEEN["erased"]


def test_the_impact_counts_the_rows_of_the_dataset():
    for number in range(6):
        found = replayed_approvals(play(number), draft_of(number))
        rows = found.datasets["approvals"]
        impact = found.impact
        assert impact["totals"].pop("judged") == rows.height
        assert impact["totals"] == {name: rows.filter(verdict=name).height for name in impact["totals"]}
        for rule in impact["rules"]:
            mine = rows.filter(name=rule["name"], kind=rule["kind"])
            assert rule["label"] is not None
            for name in ("gone", "new", "changed", "not_judgeable"):
                assert rule[name] == mine.filter(verdict=name).height
            for name in ("was", "would"):
                assert rule[name] == mine[name].drop_nulls().len()
        for person in impact["people"]:
            for name in ("was", "would"):
                assert person[name] == rows.filter(pl.col(f"person_{name}") == person["person"]).height
        assert sum(why["count"] for why in impact["why"]) == rows["why"].drop_nulls().len()


def test_a_replay_of_approvals_is_the_same_in_any_partitions_and_writes_nothing():
    for number in range(4):
        played = play(number)
        head = played.log.head()
        first, *others = [
            replayed_approvals(played, draft_of(number), partitions=partitions) for partitions in (1, 2, 5)
        ]
        for other in others:
            assert other.law == first.law
            assert other.impact == first.impact
            assert other.datasets["approvals"].equals(first.datasets["approvals"])
        assert played.log.head() == head


def test_without_a_draft_only_the_law_is_told():
    found = replayed_approvals(play(1), None)
    assert found.law.decisions == found.law.reproduced > 0
    assert (found.impact, found.datasets) == ({}, {})


def test_a_replay_of_approvals_can_be_cancelled():
    with pytest.raises(Cancelled):
        replayed_approvals(play(1), draft_of(0), cancelled=lambda: True)


def test_a_scope_leaves_out_other_records_and_a_window_other_requests():
    """Nobody's deal is in the scope of a team it does not belong to."""
    counted = Counter[str]()
    for number in range(6):
        played = play(number)
        for name, about in (
            ("whole", {}),
            ("north", {"scope": {"owner.team": ("north",)}}),
            ("south", {"scope": {"owner.team": ("south",)}}),
            ("late", {"after": played.log.head() - 30}),
        ):
            counted[name] += replayed_approvals(played, draft_of(number), **about).law.decisions
    assert 0 < counted["north"] < counted["whole"]
    assert 0 < counted["south"] <= counted["whole"] - counted["north"]
    assert 0 < counted["late"] < counted["whole"]


# ── one request, by hand ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_asks_another_person_and_a_level_less():
    """Sam asks for a discount: his manager is away, so Vera stands in. The draft asks nobody at that level, and the vice president as ever."""
    desk = an_empty_desk(told_time=NOW)
    for command in (
        PublishPlaybook(published_versions()[0]),
        AddPerson(VERA, "Vera", None, None, ("vp",)),
        AddPerson(SUE, "Sue", None, None, ("seller",)),
        AddPerson(SAM, "Sam", None, SUE, ("seller",)),
        NoteAbsence(SUE, NOW, None, VERA),
        OpenRecord(DEALS[0], {"discount": "9", "amount": "600000.00"}, "lead", SAM),
    ):
        desk.submit(command).required()
    for person, role in (("person/per_f", "finance"), ("person/per_o", "officer")):
        desk.submit(AddPerson(person, role, None, None, (role,))).required()
    desk.submit(RequestApproval(DEALS[0], "apr_1"), actor=SAM, rights=frozenset()).required()
    found = replayed_approvals(Agreed(desk), drafts()[4])
    assert (found.law.decisions, found.law.reproduced) == (1, 1)
    said = [
        (row["level"], row["role"], row["verdict"], row["why"], row["was"], row["would"])
        for row in found.datasets["approvals"].to_dicts()
    ]
    assert said == [
        ("manager", "manager", "gone", "level not asked", "person/per_vera for person/per_sue · 1 of 1 · sequence", None),
        ("joint", "finance", "changed", "another time limit", "person/per_f · 2 of 2 · sequence · 2 h", "person/per_f · 2 of 2 · sequence · 9 h"),
        ("joint", "officer", "changed", "another time limit", "person/per_o · 2 of 2 · sequence · 2 h", "person/per_o · 2 of 2 · sequence · 9 h"),
        ("top", "vp", "unchanged", None, "person/per_vera · 1 of 1 · sequence", "person/per_vera · 1 of 1 · sequence"),
    ]  # fmt: skip


# ── a planted mistake is noticed ─────────────────────────────────────────────────────────────────────────────────────


def nobody_stands_in(patch: Patch) -> None:
    patch.setattr(Known, "stand_in", lambda _known, person, _covers: person)


def people_as_they_are_now(patch: Patch) -> None:
    patch.setattr(People, "before", lambda people, _position: people._states[-1])


def records_as_they_are_now(patch: Patch) -> None:
    real = Histories.as_of
    patch.setattr(Histories, "as_of", lambda histories, record, _position: real(histories, record, 1_000_000))


def whom_the_requester_named_is_forgotten(patch: Patch) -> None:
    patch.setattr(routing, "_named", lambda _request, _levels: {})


def unknown_levels_are_left_out(patch: Patch) -> None:
    real = routing.holds
    patch.setattr(routing, "holds", lambda on, place: real(on, place) or False)


def what_nobody_recorded_is_judged(patch: Patch) -> None:
    patch.setattr(drafted_rules.DraftedRules, "is_unrecorded", lambda _rules, _place: False)


def any_routing_is_lawful(patch: Patch) -> None:
    def lawless(request: Any, on: Any) -> Routed:
        return Routed()

    patch.setattr(approvals, "routed", lawless)


@pytest.mark.parametrize(
    "plant",
    [
        nobody_stands_in,
        people_as_they_are_now,
        records_as_they_are_now,
        whom_the_requester_named_is_forgotten,
        unknown_levels_are_left_out,
        what_nobody_recorded_is_judged,
        any_routing_is_lawful,
    ],
)
def test_a_planted_mistake_in_the_replay_of_approvals_is_noticed(plant: Callable[[Patch], None], monkeypatch):
    """The comparison finds it within the histories that are compared."""
    plant(monkeypatch)
    assert any(differences(play(number), draft_of(number)) for number in range(HISTORIES))
