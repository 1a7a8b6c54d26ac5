"""What is told of playbooks beyond their documents: which replay a version names, and who stands by a replay of a draft."""

import pytest
from support.desk import an_empty_desk
from support.given import PLAYBOOKS

from commands.playbook_file import parse_playbook
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook, SignOffReplay
from domain.playbook.publish import digest
from projections import rulebooks
from projections.as_of import Horizon
from projections.footing import Footing

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")


def a_playbook(bound):
    return parse_playbook(TEXT.replace(">= 1000", f">= {bound}"), "projects.yaml")


def signing_off(draft, bound, replay):
    window = {"after": 2, "upto": 3}
    return SignOffReplay(
        "projects", draft, digest(a_playbook(bound)), replay, window, 3, {"newly_refused": 7}
    )


@pytest.fixture
def desk():
    """A playbook in force and two drafts of it; of the first a replay was signed off, twice, and it was published with it."""
    desk = an_empty_desk()
    desk.submit(PublishPlaybook(a_playbook(1000)))
    desk.submit(DraftPlaybook(a_playbook(2000)))
    desk.submit(DraftPlaybook(a_playbook(3000)))
    desk.submit(signing_off(1, 2000, "rep_1"), reason="all seven are right")
    desk.submit(signing_off(1, 2000, "rep_2"))
    desk.submit(PublishDraft(name="projects", draft=1, replay="rep_1"))
    return desk


@pytest.fixture
def footing(desk):
    """What answers stand on. Nothing that is told of playbooks comes from a read model."""
    no_database = None
    return Footing(no_database, desk.log, desk.vault)


def test_a_draft_tells_who_stands_by_which_replay_of_it(footing, desk):
    """Oldest first, each with what was looked at, who said so and why; a draft nobody signed for has none."""
    second, first = rulebooks.playbook(footing, "projects").data["drafts"]
    assert (second["draft"], second["sign_offs"]) == (2, [])
    assert [signed["replay"] for signed in first["sign_offs"]] == ["rep_1", "rep_2"]
    signed = first["sign_offs"][0]
    assert (signed["actor"], signed["reason"]) == ("system/operator", "all seven are right")
    assert signed["digest"] == digest(a_playbook(2000))
    assert (signed["window"], signed["as_of_position"]) == ({"after": 2, "upto": 3}, 3)
    assert signed["summary"] == {"newly_refused": 7}
    assert desk.log.after(signed["position"] - 1, 1)[0].event.replay == "rep_1"


def test_nobody_had_signed_before_the_first_did(footing, desk):
    """As of the position of the second draft, nobody stands by anything."""
    kept = rulebooks.playbook(footing, "projects").data["drafts"][0]["position"]
    told = rulebooks.playbook(footing, "projects", Horizon(position=kept)).data["drafts"]
    assert [(draft["draft"], draft["sign_offs"]) for draft in told] == [(2, []), (1, [])]


def test_a_version_names_the_replay_it_was_published_with(footing):
    """The first version was published without one, and says so."""
    assert rulebooks.version(footing, "projects", 1).data["replay"] is None
    assert rulebooks.version(footing, "projects", 2).data["replay"] == "rep_1"
