"""Gates that ask whether work is done and agreement was given: replay says what was decided, and what a draft would have said."""

from collections import Counter

import polars as pl
import pytest
from oracle import replay as oracle
from support import row_by_row_replay
from support.agreeing_histories import DEALS, SAM, SUE, play
from support.agreeing_playbooks import drafts, published_versions
from support.desk import an_empty_desk
from support.given import NOW
from support.oracle_adapter import plain_draft, plain_events
from support.replaying import replayed, the_law

from domain.organisation.commands import AddPerson
from domain.playbook.commands import PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from domain.refusals import GateNotMet
from domain.work.commands import CompleteWork, DecideApproval, DeclineWork, RequestApproval, RequestWork
from projections.checking import judged

SEEN: Counter[str] = Counter()


@pytest.mark.parametrize("number", range(36))
def test_replay_in_columns_says_what_records_and_the_oracle_say_and_the_law_holds(number):
    """Three implementations: columns, records folded one by one, and the oracle, which knows nothing of either."""
    played = play(number)
    draft = drafts()[(3, 4, 5, 6, 4, number % 3)[number % 6]]
    found = replayed(played.log, played.desk.vault, draft, partitions=1 + number % 3)
    by_row = row_by_row_replay.replay(played.log, played.desk.vault, draft)
    events = plain_events(played.log.after(0, 1_000_000), played.desk.vault)
    judged = oracle.decisions(events, (0, played.log.head()))
    assert found.law.different == by_row.different == oracle.law(judged)["different"] == []
    assert (found.law.decisions, found.law.reproduced, found.law.erased) == (
        by_row.decisions,
        by_row.reproduced,
        by_row.erased,
    )
    said = {row["position"]: row for row in found.decisions.to_dicts()}
    changed = {it.decision.position: it for it in (*by_row.changed, *by_row.not_judgeable)}
    assert {place for place, row in said.items() if row["verdict"] != "unchanged"} == changed.keys()
    for place, it in changed.items():
        row = said[place]
        assert (row["verdict"], tuple(row["requirements"])) == (it.verdict.replace(" ", "_"), it.requirements)
        until = row["delayed_until_position"]
        assert (None if until is None else (until, row["delayed_until_at"])) == it.delayed_until
    plain = plain_draft(draft)
    for it in oracle.verdicts(events, judged, plain):
        row = said[it["position"]]
        assert (row["verdict"], sorted(row["requirements"])) == (it["verdict"], sorted(it["requirements"])), (
            it["position"]
        )
        if it["verdict"] == "newly_refused":
            late = oracle.delayed(events, it, plain, played.log.head())
            assert {name: row[name] for name in late} == late
    SEEN.update(row["verdict"] for row in said.values())
    SEEN.update(name for row in said.values() for name in row["requirements"])
    SEEN["delayed"] += sum(row["delayed_until_position"] is not None for row in said.values())


def test_the_histories_have_every_answer_in_them():
    """A comparison of histories in which nobody ever asks would prove nothing."""
    if not SEEN:
        for number in range(36):
            test_replay_in_columns_says_what_records_and_the_oracle_say_and_the_law_holds(number)
    wanted = ("unchanged", "newly_refused", "newly_allowed", "not_judgeable", "delayed")
    wanted += ("condition:agreed", "condition:settled", "condition:estimated", "condition:possible")
    assert all(SEEN[what] >= 3 for what in wanted), SEEN


# ── one deal, by hand ────────────────────────────────────────────────────────────────────────────────────────────────


DEAL = DEALS[0]


def a_deal():
    """A deal of Sam's with a discount of 8, and Sue, who has every role and is Sam's manager."""
    desk = an_empty_desk(told_time=NOW)
    for command in (
        PublishPlaybook(published_versions()[0]),
        AddPerson(SUE, "Sue", None, None, ("legal", "finance", "officer", "vp")),
        AddPerson(SAM, "Sam", None, SUE, ("seller",)),
        OpenRecord(DEAL, {"discount": "8", "amount": "10.00", "region": "north"}, "lead", SAM),
    ):
        desk.submit(command).required()
    return desk


def by(desk, person, *commands):
    """What a person does."""
    return [
        desk.submit(command, actor=person, rights=frozenset(), reason="because").required()
        for command in commands
    ]


class OpensAll:
    """A lens that opens whatever is judged."""

    def __init__(self, desk):
        self.open_to_judge = desk.vault.keyring().reveal


def missing(desk, to, **fields):
    """What a move lacks; nothing where it went through."""
    try:
        by(desk, SAM, ChangeStage(DEAL, to, fields))
    except GateNotMet as refused:
        return [item.id for item in refused.unmet]
    return []


def test_done_is_what_was_asked_last():
    """Declined after it was done once: it is not done; and who is refused is told which condition it was."""
    desk = a_deal()
    by(desk, SAM, EditFields(DEAL, {"discount": None}))
    assert missing(desk, "offer") == ["condition:estimated"]
    by(desk, SAM, RequestWork(DEAL, "wrk_1", "estimate", SUE))
    by(desk, SUE, CompleteWork(DEAL, "wrk_1"))
    by(desk, SAM, RequestWork(DEAL, "wrk_2", "estimate", SUE))
    assert missing(desk, "offer") == ["condition:estimated"]
    by(desk, SUE, DeclineWork(DEAL, "wrk_2"))
    assert missing(desk, "offer") == ["condition:estimated"]
    by(desk, SAM, RequestWork(DEAL, "wrk_3", "estimate", SUE))
    by(desk, SUE, CompleteWork(DEAL, "wrk_3"))
    assert missing(desk, "offer") == []
    assert the_law(desk.log, desk.vault).different == []


def test_what_was_agreed_to_holds_until_what_it_stands_on_changes():
    """Another note changes nothing; another amount does, be it edited before or with the move; asked again, it holds again."""
    desk = a_deal()
    by(desk, SAM, RequestWork(DEAL, "wrk_1", "estimate", SUE))
    by(desk, SUE, CompleteWork(DEAL, "wrk_1"))
    by(desk, SAM, RequestApproval(DEAL, "apr_1", "discount"))
    assert missing(desk, "offer") == ["condition:agreed"]
    by(desk, SUE, DecideApproval(DEAL, "apr_1", "approved"))
    assert missing(desk, "offer", amount="11.00") == ["condition:agreed"]
    assert missing(desk, "offer", note="agreed") == []
    assert missing(desk, "lead") == []
    by(desk, SAM, EditFields(DEAL, {"amount": "12.00"}))
    assert missing(desk, "offer") == ["condition:agreed"]
    by(desk, SAM, EditFields(DEAL, {"amount": "10.00"}))
    assert missing(desk, "offer") == ["condition:agreed"], "what was agreed to was taken back meanwhile"
    by(desk, SAM, RequestApproval(DEAL, "apr_2", "discount"))
    by(desk, SUE, DecideApproval(DEAL, "apr_2", "approved"))
    assert missing(desk, "offer") == []
    law = the_law(desk.log, desk.vault)
    assert (law.decisions, law.reproduced) == (8, 8)
    found = replayed(desk.log, desk.vault, published_versions()[0])
    assert found.decisions.filter(pl.col("verdict") != "unchanged").is_empty()


def test_can_i_move_says_which_work_and_which_agreement_is_missing():
    """A condition on several of them names each, and whether it is there."""
    desk = a_deal()
    by(desk, SAM, RequestWork(DEAL, "wrk_1", "schedule", SUE))
    by(desk, SUE, CompleteWork(DEAL, "wrk_1"))
    record = record_state.fold(None, desk.log.stream(DEAL))
    assert record is not None
    told = judged(OpensAll(desk), published_versions()[0], record, "talks", NOW)
    assert [item["id"] for item in told["unmet"]] == ["condition:settled"]
    assert [(ask["fact"], ask["name"], ask["met"]) for ask in told["unmet"][0]["asks"]] == [
        ("approved", "terms", False),
        ("done", "schedule", True),
    ]
    assert told["unmet"][0]["asks"][0]["label"]["en"] == "Terms"


def test_can_i_move_names_the_answer_that_is_missing_and_says_nothing_of_what_it_is():
    """Work that was completed with no is there; what it says is read on the work itself, by whoever may."""
    desk = a_deal()
    playbook = published_versions()[0]

    def asks():
        record = record_state.fold(None, desk.log.stream(DEAL))
        assert record is not None
        told = judged(OpensAll(desk), playbook, record, "talks", NOW)
        (possible,) = [it for it in told["requirements"] if it["id"] == "condition:possible"]
        return possible["met"], possible["asks"]

    label = {"zh": "评估：结论", "en": "Estimate: Verdict"}
    ask = {"fact": "outcome", "name": "estimate", "field": "verdict", "label": label}
    assert asks() == (True, [ask | {"met": False}])
    by(desk, SAM, RequestWork(DEAL, "wrk_1", "estimate", SUE))
    by(desk, SUE, CompleteWork(DEAL, "wrk_1", {"verdict": "refused", "remark": "no"}))
    assert asks() == (False, [ask | {"met": True}])
    assert "condition:possible" in missing(desk, "talks")
    by(desk, SAM, RequestWork(DEAL, "wrk_2", "estimate", SUE))
    assert asks() == (True, [ask | {"met": False}]), "asked again, the old answer counts no more"
    by(desk, SUE, CompleteWork(DEAL, "wrk_2", {"verdict": "possible"}))
    assert asks() == (True, [ask | {"met": True}])
