"""A replay is asked for a window, a scope and a draft: what cannot be answered is refused, and what is asked names the answer."""

from datetime import timedelta

import pytest
from support.desk import a_desk
from support.given import ACCOUNT, ANNA, BEN, NOW, PLAYBOOKS, the_playbook
from support.replaying import impact_of, replayed

from commands.playbook_file import parse_playbook
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from domain.refusals import GateNotMet, InvalidCommand, NotFound, Problem
from projections.ledger.running import Cancelled

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")


def a_draft(*changes, text=TEXT):
    """The playbook with pieces of its text replaced."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_playbook(text, "draft.yaml")


@pytest.fixture
def desk():
    """Two deals that went to diagnosis: one of Anna's from a fair, one of Ben's from the website."""
    desk = a_desk()
    for number, (owner, source) in enumerate([(ANNA, "fair"), (BEN, "website")], 1):
        stream = f"opportunity/opp_{number}"
        desk.submit(OpenRecord(stream, {"account": ACCOUNT, "source": source}, owner=owner))
        desk.submit(ChangeStage(stream, "needs_diagnosis"))
    return desk


STRICTER = a_draft(("fields: [source]", "fields: [source, budget]"))


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ({"after": -1}, "the log began at position 1"),
        ({"upto": 0}, "the log began at position 1"),
        ({"upto": 10_000}, "the log ends at position"),
        ({"after": 5, "upto": 5}, "holds nothing"),
        ({"after": 9, "upto": 3}, "holds nothing"),
    ],
)
def test_a_window_outside_the_log_is_refused(desk, window, words):
    """Before it began, beyond its head, or with nothing in it: said, never answered with zeros."""
    with pytest.raises(InvalidCommand) as refused:
        replayed(desk.log, desk.vault, STRICTER, **window)
    (problem,) = refused.value.problems
    assert problem.pointer == "/window"
    assert words in problem.message


def test_a_draft_of_a_playbook_nobody_published_is_refused(desk):
    """With the nearest name there is."""
    draft = parse_playbook(TEXT.replace("playbook: projects", "playbook: project"), "draft.yaml")
    with pytest.raises(NotFound) as refused:
        replayed(desk.log, desk.vault, draft)
    assert (refused.value.name, refused.value.suggestion) == ("project", "projects")


def test_a_scope_names_choice_fields_or_where_the_owner_stands(desk):
    """Anything else is refused, with the nearest name."""
    with pytest.raises(InvalidCommand) as refused:
        replayed(desk.log, desk.vault, STRICTER, scope={"sorce": ("fair",)})
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.suggestion) == ("/scope/sorce", "source")


# ── scope and name ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scope", "records"),
    [
        ({}, {"opportunity/opp_1", "opportunity/opp_2"}),
        ({"source": ("fair",)}, {"opportunity/opp_1"}),
        ({"source": ("fair", "website")}, {"opportunity/opp_1", "opportunity/opp_2"}),
        ({"owner.region": ("华北",)}, {"opportunity/opp_1", "opportunity/opp_2"}),
        ({"owner.team": ("south",)}, set()),
        ({"source": ("website",), "owner.region": ("华北",)}, {"opportunity/opp_2"}),
    ],
)
def test_a_scope_limits_a_replay_to_records_as_they_were_then(desk, scope, records):
    """What a record holds later does not matter."""
    desk.submit(EditFields("opportunity/opp_1", {"source": "referral"}))
    found = replayed(desk.log, desk.vault, STRICTER, scope=scope)
    assert set(found.decisions["record"]) == records
    assert found.law.decisions == found.law.reproduced == found.decisions.height
    assert set(found.datasets["gate_state"]["record"]) <= {"opportunity/opp_1", "opportunity/opp_2"}


def test_a_replay_for_a_scope_forecasts_no_index(desk):
    """A version for a scope changes none; one was forecast for everybody, and comparing it with itself found nothing wrong."""
    assert "index_values" in replayed(desk.log, desk.vault, STRICTER).datasets
    found = replayed(desk.log, desk.vault, STRICTER, scope={"source": ("fair",)})
    assert "index_values" not in found.datasets
    assert found.impact["indices"] == []


def test_a_scope_is_asked_of_a_record_as_it_was_before_the_command(desk):
    """As the scope of a publication is: what a move brings along does not count, whether it was accepted or refused; of an opening, it does."""
    head = desk.log.head()
    desk.submit(EditFields("opportunity/opp_1", {"source": None}))
    with pytest.raises(GateNotMet):
        desk.submit(ChangeStage("opportunity/opp_1", "quoted", {"source": "referral"}))
    desk.submit(ChangeStage("opportunity/opp_1", "lead", {"source": "referral"}), reason="again")
    opened = desk.log.head() + 1
    desk.submit(OpenRecord("opportunity/opp_3", {"account": ACCOUNT, "source": "referral"}))
    found = replayed(desk.log, desk.vault, STRICTER, after=head, scope={"source": ("referral",)})
    assert found.decisions["position"].to_list() == [opened]
    desk.submit(ChangeStage("opportunity/opp_1", "needs_diagnosis", {"source": "website"}))
    found = replayed(desk.log, desk.vault, STRICTER, after=head, scope={"source": ("referral",)})
    assert found.decisions["position"].to_list() == [opened, desk.log.head()]


def test_what_is_asked_names_the_answer(desk):
    """The same question has the same name; another window, scope, draft or log has another."""
    upto = desk.log.head()
    asked = [
        replayed(desk.log, desk.vault, STRICTER),
        replayed(desk.log, desk.vault, STRICTER, after=1),
        replayed(desk.log, desk.vault, STRICTER, scope={"source": ("fair",)}),
        replayed(desk.log, desk.vault, the_playbook()),
    ]
    assert len({found.id for found in asked}) == len(asked)
    assert replayed(desk.log, desk.vault, STRICTER, partitions=5).id == asked[0].id
    desk.submit(EditFields("opportunity/opp_1", {"source": "referral"}))
    assert replayed(desk.log, desk.vault, STRICTER, upto=upto).id not in {found.id for found in asked}


def test_a_replay_that_nobody_wants_any_more_stops(desk):
    """Nothing of it is returned."""
    with pytest.raises(Cancelled):
        replayed(desk.log, desk.vault, STRICTER, cancelled=lambda: True)


def test_what_had_happened_before_the_move_and_was_noted_after_it_held_nothing_up(desk):
    """The delay came out negative."""
    desk.submit(EditFields("opportunity/opp_1", {"budget": "5000"}), occurred_at=NOW - timedelta(hours=3))
    found = replayed(desk.log, desk.vault, STRICTER)
    (row,) = [it for it in found.decisions.iter_rows(named=True) if it["record"] == "opportunity/opp_1" and it["verdict"] == "newly_refused"]  # fmt: skip
    assert row["delayed_until_at"] < row["at"]
    assert (row["delayed_seconds"], row["never"]) == (0, False)


# ── delayed by ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_newly_refused_move_is_told_when_its_gate_would_have_been_met(desk):
    """The first later change of the record at which the same attempt would have passed; or never."""
    desk.submit(EditFields("opportunity/opp_1", {"topic": "Gates"}))
    (event,) = desk.submit(EditFields("opportunity/opp_1", {"budget": "5000"})).events
    found = replayed(desk.log, desk.vault, STRICTER)
    rows = {
        row["record"]: row
        for row in found.decisions.iter_rows(named=True)
        if row["verdict"] == "newly_refused"
    }
    first, second = rows["opportunity/opp_1"], rows["opportunity/opp_2"]
    assert (first["delayed_until_position"], first["delayed_until_at"], first["never"]) == (
        event.position,
        event.occurred_at,
        False,
    )
    assert first["delayed_seconds"] == 0
    assert (second["delayed_until_position"], second["delayed_seconds"], second["never"]) == (
        None,
        None,
        True,
    )
    (rule,) = found.impact["rules"]
    assert rule == {
        "requirement": "field:budget",
        "verdict": "newly_refused",
        "decisions": 2,
        "records": 2,
        "people": 2,
        "delayed_median_seconds": 0,
        "never": 1,
    }


# ── rights ───────────────────────────────────────────────────────────────────────────────────────────────────────────

SELLER = "    label: {zh: 销售, en: Seller}\n"


def with_rights(*rights):
    """The playbook in which skipping needs a right, and sellers have these rights."""
    held = f"    rights: [{', '.join(rights)}]\n" if rights else ""
    opens = "    opens_in: [lead, needs_diagnosis]\n"
    return a_draft((opens, opens + "    moves: {skip: with_right}\n"), (SELLER, SELLER + held))


def test_a_draft_that_takes_a_right_refuses_whoever_held_it():
    """Whoever had it from elsewhere than a role is not blamed on the draft."""
    desk = a_desk()
    desk.submit(PublishPlaybook(with_rights("skip")))
    for number, actor in enumerate((ANNA, "system/operator"), 1):
        stream = f"opportunity/opp_{number}"
        desk.submit(OpenRecord(stream, {"account": ACCOUNT, "budget": "5000", "loss_reason": "price"}))
        about = {"actor": actor} | ({"rights": frozenset()} if actor == ANNA else {})
        with pytest.raises(GateNotMet):
            desk.submit(ChangeStage(stream, "negotiation"), **about)
        desk.submit(ChangeStage(stream, "won"), reason="at once", **about)
    found = impact_of(replayed(desk.log, desk.vault, with_rights()))
    assert [(row.record, row.verdict, row.requirements) for row in found.changed] == [
        ("opportunity/opp_1", "newly_refused", ("right:skip",))
    ]
    assert found.not_judgeable == []


# ── gates as they stand ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_gate_state_says_what_each_open_record_lacks_under_both(desk):
    """For the next step of its way; records at the end of their way are not in it."""
    desk.submit(ChangeStage("opportunity/opp_1", "lost", {"loss_reason": "price"}))
    draft = a_draft(("fields: [pains]", "fields: [pains, seats]"))
    (row,) = replayed(desk.log, desk.vault, draft).datasets["gate_state"].to_dicts()
    lacking = ["field:pains", "condition:was_touched", "field:budget", "evidence:solution_deck", "evidence:cost_sheet", "condition:worth_it"]  # fmt: skip
    assert row == {
        "record": "opportunity/opp_2",
        "kind": "opportunity",
        "step": "needs_diagnosis",
        "next_step": "quoted",
        "unmet": ["field:pains", "field:seats", *lacking[1:]],
        "unmet_published": lacking,
        "owner": BEN,
    }


def test_a_sentence_that_ends_is_gone_on_with():
    """The nearest name follows after one mark, whether the message ends with a full stop or not."""
    for message in ("there is no field 'budget_confirmd'.", "there is no field 'budget_confirmd'"):
        told = str(Problem("/rule", message, "budget_confirmed"))
        assert told == "/rule: there is no field 'budget_confirmd'; did you mean 'budget_confirmed'?"
    assert str(Problem("/rule", "there is no such field.")) == "/rule: there is no such field."
