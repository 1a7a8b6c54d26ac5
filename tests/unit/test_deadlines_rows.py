"""The rows of the timer table: under which rules each holds, and whose records are looked at again when people move."""

from dataclasses import replace

from support.deadlines import DAY, HOUR, MONDAY, TEXT, a_deal, the_playbook, the_team

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import OWNER_REGION
from projections.timer_rows import epochs, kinds_by_owner, rows_of

LATER = MONDAY + 3 * DAY
SHORTER = TEXT.replace("after_hours: 168", "after_hours: 24")


def published(*versions):
    """The versions of one playbook, oldest first."""
    return Playbooks(
        len(versions),
        {
            ("watched", number): replace(the_playbook(text), number=number, position=number, **about)
            for number, (text, about) in enumerate(versions, start=1)
        },
    )


def rows(playbooks, moment=MONDAY + HOUR, told=()):
    within = epochs(playbooks, moment)
    return {
        (row["deadline"], row["in_force_until"] is None): row
        for row in rows_of(a_deal(), dict(told), within, the_team())
    }


# ── rules that end ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_would_come_after_its_rules_have_ended_is_never_looked_at():
    """The silence of seven days is over on the fourth, when other rules hold; a row whose moment has passed would be looked at for ever."""
    found = rows(published((TEXT, {}), (SHORTER, {"effective_from": LATER})))
    assert found["silent", False]["next_at"] is None
    assert found["silent", True]["next_at"] == "2026-03-05T01:00:00.000000Z"
    assert found["diagnosed", False]["next_at"] == "2026-03-02T10:00:00.000000Z"


def test_what_comes_at_the_very_moment_belongs_to_the_new_rules():
    """The old ones hold up to, and without, their end."""
    week = {"effective_from": MONDAY + 7 * DAY}
    found = rows(published((TEXT, {}), (TEXT, week)))
    assert (found["silent", False]["next_at"], found["silent", True]["next_at"]) == (
        None, "2026-03-09T01:00:00.000000Z",
    )  # fmt: skip
    just_before = {"effective_from": MONDAY + 7 * DAY + HOUR / 3_600_000_000}
    assert rows(published((TEXT, {}), (TEXT, just_before)))["silent", False]["next_at"] is not None


# ── people who move ──────────────────────────────────────────────────────────────────────────────────────────────────

IN_THE_NORTH = {"scope": {OWNER_REGION: ("north",)}}


def test_versions_for_a_region_make_a_record_depend_on_its_owner_also_those_with_a_date():
    """One that took effect on a day long ago, and one that will on a day to come, as much as one without a day."""
    for moment in (MONDAY - DAY, LATER, LATER + 300 * DAY):
        dated = published((TEXT, {}), (SHORTER, {**IN_THE_NORTH, "effective_from": LATER}))
        assert kinds_by_owner(epochs(dated, moment), {"deal"}) == {"deal"}
    undated = published((TEXT, {}), (SHORTER, IN_THE_NORTH))
    assert kinds_by_owner(epochs(undated, MONDAY), {"deal", "unknown"}) == {"deal"}


def test_without_a_region_in_any_scope_nobodys_move_matters():
    """Nor once a newer version for everybody has taken the place of the one with the region."""
    assert kinds_by_owner(epochs(published((TEXT, {})), MONDAY), {"deal"}) == set()
    over = published((TEXT, {}), (SHORTER, {**IN_THE_NORTH, "effective_from": MONDAY}), (TEXT, {}))
    assert kinds_by_owner(epochs(over, LATER), {"deal"}) == set()
