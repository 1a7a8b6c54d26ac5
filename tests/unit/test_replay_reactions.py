"""Replay of reactions: what events would set off, beside an oracle that knows nothing of the product."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import polars as pl
import pytest
from support.desk import an_empty_desk
from support.following_comparing import differences, replayed_reactions
from support.following_histories import DEALS, FAY, LIU, PAM, SAM, Followed, a_company, play
from support.following_playbooks import drafts, mappings_to, published_versions
from support.given import NOW
from support.reacting import PLAYBOOK, SELLER, a_reaction, reacting_playbook

import domain.reacting.setting_off as domain_setting_off
import projections.replay.drafted_rules as drafted_rules
import projections.replay.reactions.setting_off as setting_off
from commands.playbook_file import parse_playbook
from domain.organisation.commands import AddPerson, RevokeRole
from domain.playbook.commands import PublishPlaybook
from domain.reacting.events import ReactionFailed, ReactionRan
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from domain.work.commands import CompleteWork, RequestWork
from projections.ledger.running import Cancelled
from projections.replay.deadlines.histories import People
from projections.replay.histories import Histories
from projections.replay.reactions import recorded
from projections.replay.reactions.asked import steps_of
from projections.replay.subjects import SUBJECTS

HISTORIES = 30
Patch = pytest.MonkeyPatch


@cache
def played(number: int) -> Followed:
    """The history of a number."""
    return play(number)


def draft_of(number: int) -> Any:
    """The draft the history of a number is replayed under."""
    return drafts()[number % 6]


def until(number: int) -> int | None:
    """Up to where the history of a number is replayed: of every third, the ledger ends in the middle."""
    return None if number % 3 else played(number).log.head() * 2 // 3


@pytest.mark.parametrize("number", range(HISTORIES))
def test_replay_of_reactions_says_what_the_oracle_says_and_the_law_holds(number):
    """Every event asked again what it sets off, under the rules of then and under a draft."""
    assert differences(played(number), draft_of(number), partitions=1 + number % 3, position=until(number)) == []  # fmt: skip
    assert replayed_reactions(played(number), None, position=until(number)).law.different == []


def test_the_law_of_a_replay_counts_every_reaction_the_worker_carried_out():
    """Nothing the log says of a reaction is passed over: as many decisions as there are reactions to causes, failed and tried again or not."""
    for number in range(12):
        events = [found.event for found in played(number).log.after(0, 1_000_000)]
        carried_out = {
            (it.reaction, it.cause) for it in events if isinstance(it, ReactionRan | ReactionFailed)
        }
        law = replayed_reactions(played(number), None).law
        assert law.decisions == len(carried_out) > 0
        assert law.reproduced + law.erased == law.decisions


def test_the_histories_set_off_everything_in_every_way():
    """A comparison of histories in which nothing follows would prove nothing."""
    seen, ran, failed = Counter[str](), Counter[str](), Counter[str]()
    for number in range(HISTORIES):
        found = replayed_reactions(played(number), draft_of(number), position=until(number))
        rows = found.datasets["reactions"]
        seen.update(rows["verdict"].to_list())
        seen.update(why for why in rows["why"].to_list() if why is not None)
        seen["erased"] += found.law.erased
        seen["to come"] += rows.filter(pl.col("position").is_null() & pl.col("was").is_not_null()).height
        for recorded_event in played(number).log.after(0, 1_000_000):
            match recorded_event.event:
                case ReactionRan(reaction=reaction):
                    ran[reaction] += 1
                case ReactionFailed(reaction=reaction):
                    failed[reaction] += 1
                case _:
                    pass
    assert set(ran) | set(failed) == set(published_versions()[0].reactions["deal"])
    assert sum(failed.values()) > 10
    whys = (
        "other steps", "no such reaction", "waits for something else", "condition does not hold", "new reaction", "waited for something else",
        "condition holds", "reads what nobody recorded", "no such kind",
    )  # fmt: skip
    verdicts = ("unchanged", "changed", "gone", "new", "not_judgeable")
    assert all(seen[what] >= 3 for what in (*verdicts, *whys)), seen
    assert seen["erased"]
    assert seen["to come"]


def test_the_impact_counts_the_rows_of_the_dataset():
    for number in range(6):
        found = replayed_reactions(played(number), draft_of(number))
        rows, impact = found.datasets["reactions"], dict(found.impact)
        totals = dict(impact["totals"])
        assert totals.pop("judged") == rows.height > 0
        assert totals == {name: rows.filter(verdict=name).height for name in totals}
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


def test_a_replay_of_reactions_is_the_same_in_any_partitions_and_writes_nothing():
    for number in range(4):
        head = played(number).log.head()
        first, *others = [
            replayed_reactions(played(number), draft_of(number), partitions=partitions)
            for partitions in (1, 2, 5)
        ]
        for other in others:
            assert other.law == first.law
            assert other.impact == first.impact
            assert other.datasets["reactions"].equals(first.datasets["reactions"])
        assert played(number).log.head() == head


def test_without_a_draft_only_the_law_is_told():
    found = replayed_reactions(played(1), None)
    assert found.law.decisions > 0
    assert (found.impact, found.datasets) == ({}, {})


def test_a_replay_of_reactions_can_be_cancelled():
    with pytest.raises(Cancelled):
        replayed_reactions(played(1), draft_of(0), cancelled=lambda: True)


def test_a_scope_leaves_out_other_records_and_a_window_other_causes():
    counted = Counter[str]()
    for number in range(6):
        for name, about in (
            ("whole", {}),
            ("north", {"scope": {"owner.team": ("north",)}}),
            ("south", {"scope": {"owner.team": ("south",)}}),
            ("late", {"after": played(number).log.head() - 40}),
        ):
            counted[name] += replayed_reactions(played(number), draft_of(number), **about).law.decisions
    assert 0 < counted["north"] < counted["whole"]
    assert 0 < counted["south"] <= counted["whole"] - counted["north"]
    assert 0 < counted["late"] < counted["whole"]


def test_reactions_are_replayed_where_a_playbook_has_any_or_a_fork_that_starts_by_itself():
    says, _ = SUBJECTS["reactions"]
    assert says(published_versions()[0])
    assert says(reacting_playbook("      {}", starts="quoted"))
    assert not says(reacting_playbook("      {}"))


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def begun() -> Followed:
    """Sam's deal, and the people of every role."""
    followed = Followed(an_empty_desk(told_time=NOW))
    followed.publish(published_versions()[0])
    a_company(followed)
    followed.do(OpenRecord(DEALS[0], {"amount": "5000"}, owner=SAM), actor=SAM).required()
    return followed


def told(followed: Followed, draft: Any) -> list[tuple[Any, ...]]:
    """What a replay under a draft says of each reaction."""
    rows = replayed_reactions(followed, draft).datasets["reactions"]
    names = ("name", "verdict", "why", "was", "would", "person_was", "person_would")
    return [tuple(row[name] for name in names) for row in rows.iter_rows(named=True)]


def test_when_work_is_due_belongs_to_what_a_step_asks_for():
    """So a draft that asks for the same by another day is told as one that takes other steps."""
    for asked, said in (
        ("within_hours: 24", "work demo for presales within 24 h"),
        ("due: {from: wanted_on}", "work demo for presales by wanted_on"),
    ):
        published = reacting_playbook(
            a_reaction("it", "event: touched", f"request_work: {{template: demo, {asked}}}")
        )
        kind = published.kind("deal")
        assert steps_of(kind.reactions["it"], kind) == said


def test_which_work_moves_with_which_day_belongs_to_what_a_step_asks_for():
    """And it is for nobody in particular: whoever has the work is whoever has it then."""
    published = reacting_playbook(
        a_reaction("it", "event: touched", "reschedule_work: {template: demo, due: {from: wanted_on}}")
    )
    kind = published.kind("deal")
    assert steps_of(kind.reactions["it"], kind) == "move work demo to wanted_on"


def test_a_draft_asks_another_person_and_starts_another_fork_elsewhere():
    """The deal is big enough for a demo, which another role shows; the fork begins with the lead, and joins when all is done."""
    followed = begun()
    followed.do(ChangeStage(DEALS[0], "quoted"), actor=SAM).required()
    followed.work()
    assert told(followed, drafts()[3])[0] == (
        "welcome", "changed", "other steps", "work demo for presales", "work demo for legal", PAM, LIU,
    )  # fmt: skip
    was = "fork closing (law: review for legal, money: costing for finance, join any)"
    would = "fork closing (law: costing for finance, money: costing for finance, join all)"
    assert told(followed, drafts()[4]) == [
        ("forks.closing", "new", "waited for something else", None, would, None, FAY),
        ("welcome", "unchanged", None, "work demo for presales", "work demo for presales", PAM, PAM),
        ("entered", "unchanged", None, "approval price", "approval price", None, None),
        ("forks.closing", "gone", "waits for something else", was, None, LIU, None),
        ("asking", "unchanged", None, "notify finance", "notify finance", FAY, FAY),
        ("asked", "unchanged", None, "notify finance", "notify finance", FAY, FAY),
    ]


def test_a_field_that_has_another_name_in_the_draft_sets_off_what_it_did():
    """The draft maps the size to the volume, and reacts to that."""
    followed = begun()
    followed.do(EditFields(DEALS[0], {"size": "9"}), actor=SAM).required()
    followed.work()
    renamed = replace(published_versions()[2], mappings=mappings_to(2))
    assert [row[:3] for row in told(followed, renamed) if row[0] == "sized"] == [("sized", "unchanged", None)]
    assert [row[:3] for row in told(followed, published_versions()[2]) if row[0] == "sized"] == [
        ("sized", "gone", "waits for something else")
    ]


def test_steps_that_failed_are_no_input_of_a_replay_and_the_law_holds():
    """Nobody can show the demo when it is to be asked for: the reaction failed, and it was set off all the same."""
    followed = Followed(an_empty_desk(told_time=NOW))
    followed.publish(published_versions()[0])
    a_company(followed)
    followed.do(RevokeRole(PAM, "presales")).required()
    followed.do(OpenRecord(DEALS[0], {"amount": "5000"}, owner=SAM), actor=SAM).required()
    followed.work()
    law = replayed_reactions(followed, None).law
    assert (law.decisions, law.reproduced) == (1, 1)
    assert told(followed, published_versions()[0]) == [
        ("welcome", "unchanged", None, "work demo for presales", "work demo for presales", None, None)
    ]


CHAIN = "".join(
    a_reaction(f"step_{number}", f"event: work-requested, template: w{number}", f"request_work: {{template: w{number + 1}, assignee: owner}}")
    for number in range(7)
)  # fmt: skip
"""Seven reactions in a chain, each of which asks for the work the next one waits for."""


def test_what_was_too_deep_was_set_off_and_the_law_of_the_replay_holds():
    """The bound of the run time ends a chain of reactions; the one it refused was set off, what it would have caused never happened."""
    work = "".join(f"      w{number}: {{label: {{zh: 活, en: Work}}, done_by_word: true}}\n" for number in range(8))  # fmt: skip

    text = PLAYBOOK.replace("REACTIONS", CHAIN.strip("\n")).replace("STARTS", "").replace("GATE", "")
    text = text.replace("      demo: {label: {zh: 演示", work + "      demo: {label: {zh: 演示")
    followed = Followed(an_empty_desk(told_time=NOW))
    followed.do(PublishPlaybook(parse_playbook(text, "chain.yaml"))).required()
    followed.do(AddPerson(SELLER, "卖家")).required()
    followed.do(OpenRecord(DEALS[0], {}, owner=SELLER)).required()
    followed.do(RequestWork(DEALS[0], "wrk_1", "w0", SELLER), actor=SELLER).required()
    followed.work()
    codes = [
        found.event.code for found in followed.log.after(0, 1_000) if isinstance(found.event, ReactionFailed)
    ]
    assert codes == ["too-deep"]
    law = replayed_reactions(followed, None).law
    assert law.decisions == law.reproduced == 6


def test_a_record_of_what_nothing_waits_for_breaks_the_law_of_the_replay(monkeypatch):
    """A reaction that the log knows of and no rule of then names is a difference, at the position of its cause."""
    followed = begun()
    followed.do(RequestWork(DEALS[0], "wrk_1", "demo", PAM), actor=SAM).required()
    followed.do(CompleteWork(DEALS[0], "wrk_1"), actor=PAM).required()
    followed.work()
    law = replayed_reactions(followed, None).law
    assert (law.decisions, law.different) == (2, [])
    published = {
        place: replace(version, document=drafts()[3].document)
        for place, version in followed.playbooks.versions.items()
    }
    real = Followed.playbooks.fget
    assert real is not None
    monkeypatch.setattr(Followed, "playbooks", property(lambda it: replace(real(it), versions=published)))
    broken = replayed_reactions(followed, None).law
    assert (broken.decisions, broken.reproduced, len(broken.different)) == (2, 1, 1)


# ── a planted mistake is noticed ─────────────────────────────────────────────────────────────────────────────────────


def records_as_they_were_before(patch: Patch) -> None:
    real = Histories.as_of
    patch.setattr(
        Histories,
        "as_of",
        lambda histories, record, position: real(histories, record, position - 1) or real(histories, record, position),
    )  # fmt: skip


def records_as_they_are_now(patch: Patch) -> None:
    real = Histories.as_of
    patch.setattr(Histories, "as_of", lambda histories, record, _position: real(histories, record, 1_000_000))


def people_as_they_are_now(patch: Patch) -> None:
    patch.setattr(People, "before", lambda people, _position: people._states[-1])


def what_was_imported_reacts(patch: Patch) -> None:
    patch.setattr("projections.replay.reactions.causes.IMPORTED", "nothing is")
    patch.setattr(domain_setting_off, "IMPORTED", "nothing is")


def what_is_unknown_holds(patch: Patch) -> None:
    real = domain_setting_off.judged
    patch.setattr(domain_setting_off, "judged", lambda *about: real(*about) is not False)


def nothing_is_to_come(patch: Patch) -> None:
    patch.setattr(recorded.Recorded, "is_to_come", lambda *_: False)


def everything_is_to_come(patch: Patch) -> None:
    """Whoever forgets that the worker was there sees no reaction that is missing, and others twice."""
    patch.setattr(recorded.Recorded, "at", lambda *_: {})


def what_nobody_recorded_is_judged(patch: Patch) -> None:
    patch.setattr(drafted_rules.DraftedRules, "is_unrecorded", lambda _rules, _place: False)


def names_are_those_of_then(patch: Patch) -> None:
    patch.setattr(setting_off, "as_read", lambda cause, _told: cause)


def forks_are_forgotten(patch: Patch) -> None:
    patch.setattr("projections.replay.histories._forks", lambda _of: iter(()))


@pytest.mark.parametrize(
    "plant",
    [
        records_as_they_were_before,
        records_as_they_are_now,
        people_as_they_are_now,
        what_was_imported_reacts,
        what_is_unknown_holds,
        nothing_is_to_come,
        everything_is_to_come,
        what_nobody_recorded_is_judged,
        names_are_those_of_then,
        forks_are_forgotten,
    ],
)
def test_a_planted_mistake_in_the_replay_of_reactions_is_noticed(plant: Callable[[Patch], None], monkeypatch):
    """The comparison finds it within the histories that are compared."""
    for number in range(HISTORIES):
        played(number)  # by the software as it is
    plant(monkeypatch)
    assert any(differences(played(number), draft_of(number), position=until(number)) for number in range(HISTORIES))  # fmt: skip
