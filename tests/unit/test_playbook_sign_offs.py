"""Signing replays off: a publication may name one, and then somebody stood by it for exactly the text that is published."""

import pytest
from support.desk import an_empty_desk
from support.given import NOW, PLAYBOOKS

from commands.playbook_file import parse_playbook
from domain.events import PlaybookPublished, ReplaySignedOff
from domain.naming import PLAYBOOKS_STREAM, drafts_stream
from domain.playbook import catalogue
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook, SignOffReplay
from domain.playbook.model import Right
from domain.playbook.publish import digest
from domain.refusals import InvalidCommand, NotAllowed, NotFound

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
NEEDS_REPLAY = "\npublishing: {needs_replay: true}\n"


def a_playbook(bound=1000, more=""):
    return parse_playbook(TEXT.replace(">= 1000", f">= {bound}") + more, "projects.yaml")


def sign_off(playbook, draft=1, replay="rep_1", **about):
    told = {"window": {"after": 0, "upto": 9}, "position": 9, "summary": {"newly_refused": 3}, **about}
    return SignOffReplay("projects", draft, digest(playbook), replay, **told)


@pytest.fixture
def desk():
    """A log with a playbook in force, and a stricter draft of it."""
    desk = an_empty_desk()
    desk.submit(PublishPlaybook(a_playbook()))
    desk.submit(DraftPlaybook(a_playbook(2000)))
    return desk


def the_published(desk):
    return catalogue.fold(None, desk.log.stream(PLAYBOOKS_STREAM)).in_force["projects"]


# ── signing off ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sign_off_says_what_was_looked_at(desk):
    """Which replay of which draft, how much of the log it went over, and the figures; who and why stand in the envelope."""
    (signed,) = desk.submit(sign_off(a_playbook(2000)), reason="all three are right").events
    assert signed.stream == drafts_stream("projects")
    assert signed.event == ReplaySignedOff(
        "projects", 1, digest(a_playbook(2000)), "rep_1", {"after": 0, "upto": 9}, 9, {"newly_refused": 3}
    )


def test_a_draft_kept_after_a_sign_off_has_the_next_number(desk):
    """Drafts are counted by themselves, whatever else stands in their stream."""
    desk.submit(sign_off(a_playbook(2000)))
    (kept,) = desk.submit(DraftPlaybook(a_playbook(3000))).events
    assert (kept.event.number, kept.version) == (2, 3)


def test_a_replay_of_another_draft_is_refused(desk):
    """It says which draft it judged, and what to do."""
    desk.submit(DraftPlaybook(a_playbook(3000)))
    with pytest.raises(InvalidCommand, match="this replay judged draft 1: replay draft 2 again"):
        desk.submit(sign_off(a_playbook(2000), draft=2))


def test_a_replay_of_a_text_that_was_never_kept_is_refused(desk):
    """The draft was edited after it was replayed."""
    with pytest.raises(InvalidCommand, match="the draft changed since: replay draft 1 again"):
        desk.submit(sign_off(a_playbook(2500)))


def test_the_same_text_kept_again_may_be_signed_by_the_replay_there_is(desk):
    """What counts is what was judged, not the number it stood under."""
    desk.submit(DraftPlaybook(a_playbook(2000)))
    assert desk.submit(sign_off(a_playbook(2000), draft=2)).events


def test_a_draft_that_was_never_kept_cannot_be_signed(desk):
    with pytest.raises(NotFound):
        desk.submit(sign_off(a_playbook(2000), draft=7))


def test_signing_off_needs_the_right_to_publish(desk):
    with pytest.raises(NotAllowed, match="publish"):
        desk.submit(sign_off(a_playbook(2000)), rights=frozenset(Right) - {Right.publish})


@pytest.mark.parametrize(
    ("about", "pointer"),
    [
        ({"window": {"after": 9, "upto": 3}}, "/window"),
        ({"window": {"after": 0, "upto": 10}}, "/window"),
        ({"window": {"after": 0}}, "/window"),
        ({"summary": {"share": 0.5}}, "/summary"),
        ({"replay": "no id"}, "/replay"),
    ],
)
def test_what_no_replay_says_of_itself_is_refused(desk, about, pointer):
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(sign_off(a_playbook(2000), **about))
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_signing_again_is_said_again(desk):
    """A second person may stand by it too."""
    for _ in range(2):
        assert desk.submit(sign_off(a_playbook(2000))).events
    assert catalogue.fold_drafts(None, desk.log.stream(drafts_stream("projects"))).sign_offs.keys() == {
        "rep_1"
    }


# ── publishing ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("from_file", [False, True])
def test_a_publication_names_the_replay_that_was_signed_off(desk, from_file):
    """As a draft or as a file: the text is what counts."""
    desk.submit(sign_off(a_playbook(2000)))
    command = (
        PublishPlaybook(a_playbook(2000), replay="rep_1")
        if from_file
        else PublishDraft(name="projects", draft=1, replay="rep_1")
    )
    (published,) = desk.submit(command).events
    assert (published.event.number, published.event.replay) == (2, "rep_1")
    assert the_published(desk).replay == "rep_1"


def test_a_replay_nobody_signed_off_is_refused(desk):
    """With the one that was meant."""
    desk.submit(sign_off(a_playbook(2000), replay="rep_12"))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishDraft(name="projects", draft=1, replay="rep_21"))
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.suggestion) == ("/replay", "rep_12")


def test_a_draft_that_changed_since_the_sign_off_is_refused(desk):
    """The refusal names what was signed off instead."""
    desk.submit(sign_off(a_playbook(2000)))
    desk.submit(DraftPlaybook(a_playbook(3000)))
    with pytest.raises(InvalidCommand, match="signed off for draft 1"):
        desk.submit(PublishDraft(name="projects", draft=2, replay="rep_1"))
    desk.submit(sign_off(a_playbook(3000), draft=2, replay="rep_2"))
    with pytest.raises(InvalidCommand, match="did you mean 'rep_2'"):
        desk.submit(PublishDraft(name="projects", draft=2, replay="rep_1"))
    desk.submit(PublishDraft(name="projects", draft=2, replay="rep_2"))


def test_a_publication_that_names_no_replay_stays_possible(desk):
    """Unless the version in force asks for one; an event without one is stored as it always was."""
    (published,) = desk.submit(PublishDraft(name="projects", draft=1)).events
    assert isinstance(published.event, PlaybookPublished)
    assert "replay" not in published.event.payload()


def test_a_version_in_force_may_ask_for_a_replay(desk):
    """The first version needs none, and neither does the one that asks for it; every later one does."""
    first = an_empty_desk()
    first.submit(PublishPlaybook(a_playbook(more=NEEDS_REPLAY)))
    desk.submit(PublishPlaybook(a_playbook(more=NEEDS_REPLAY)))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(a_playbook(2000)))
    (problem,) = refused.value.problems
    assert problem.pointer == "/replay"
    assert "asks for a replay" in problem.message
    desk.submit(sign_off(a_playbook(2000)))
    with pytest.raises(InvalidCommand, match="did you mean 'rep_1'"):
        desk.submit(PublishDraft(name="projects", draft=1))
    desk.submit(PublishDraft(name="projects", draft=1, replay="rep_1"))
    desk.submit(PublishPlaybook(a_playbook(3000)))


def test_the_very_same_publication_again_is_nothing_new(desk):
    """Naming the same replay, or none; another replay is another publication."""
    desk.submit(sign_off(a_playbook(2000)))
    desk.submit(PublishDraft(name="projects", draft=1, replay="rep_1"))
    for replay in ("rep_1", None):
        assert not desk.submit(PublishDraft(name="projects", draft=1, replay=replay)).events
    with pytest.raises(InvalidCommand):
        desk.submit(PublishDraft(name="projects", draft=1, replay="rep_2"))


def test_rolling_back_is_publishing_the_earlier_version_with_its_own_replay(desk):
    desk.submit(sign_off(a_playbook(2000)))
    desk.submit(PublishDraft(name="projects", draft=1, replay="rep_1"))
    desk.submit(DraftPlaybook(a_playbook()))
    desk.submit(sign_off(a_playbook(), draft=2, replay="rep_back"))
    (published,) = desk.submit(PublishDraft(name="projects", draft=2, replay="rep_back")).events
    assert (published.event.number, published.event.digest) == (3, digest(a_playbook()))


def test_what_was_sent_before_replays_could_be_named_is_the_same_submission():
    """The key of a publication from an earlier release is still recognised: a replay that is not named adds nothing to the body."""
    desk = an_empty_desk()
    for command in (PublishDraft(name="projects", draft=1), PublishPlaybook(a_playbook())):
        assert "replay" not in str(desk.submission(command).body()["content"])[-200:]
    named = desk.submission(PublishDraft(name="projects", draft=1, replay="rep_1")).body()
    assert named["content"]["replay"] == "rep_1"


def test_a_sign_off_of_another_process_is_seen(desk):
    """A draft is published by a process that has cached the drafts as they were before."""
    other = desk.another()
    with pytest.raises(InvalidCommand):
        other.submit(PublishDraft(name="projects", draft=1, replay="rep_1"))
    desk.submit(sign_off(a_playbook(2000)), occurred_at=NOW)
    assert other.submit(PublishDraft(name="projects", draft=1, replay="rep_1")).events
