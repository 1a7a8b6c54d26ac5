"""Replay in columns equals replay row by row: the law, every verdict with its requirements, and when a refused move would have passed."""

from collections import Counter
from functools import cache

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import row_by_row_replay
from support.histories import histories, play
from support.history_playbooks import _changed, _text, taking_away, versions
from support.replaying import replayed

from commands.playbook_file import parse_playbook

thoroughly = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
SEEN: Counter[str] = Counter()

ASKED_OF_EVERY_STEP = """
        enter:
          fields: [{fields}]
          conditions:
            asked: {{rule: "{rule}", label: {{zh: 问, en: Asked}}}}
"""
RULES = (
    "touches('any', 30) >= 1",
    "touches('call', 90) = 0 AND budget >= 1000",
    "days_in_stage() IS NULL OR days_in_stage() < 2",
    "length(note) > 4 OR evidence('cost_sheet')",
    "contains(pains, 'cost') AND stage() <> 'quoted'",
    "seats >= 2.5 OR is_strategic",
    "account IS NOT NULL AND presales IS NOT NULL",
)


@cache
def drafts():
    """What histories are judged by: their own playbooks, and some that ask for much more."""
    text = _text()
    lead = "        label: {zh: 线索, en: Lead}\n"
    demanding = []
    for number, rule in enumerate(RULES):
        gate = ASKED_OF_EVERY_STEP.format(fields=("account", "budget, seats", "topic")[number % 3], rule=rule)
        demanding.append(
            _changed(
                text,
                (lead, lead + gate.lstrip("\n")),
                ("fields: [source]", f'fields: [pains]\n          conditions:\n            now: {{rule: "{rule}", label: {{zh: 今, en: Now}}}}'),
                ("valid_days: 30", f"valid_days: {1 + number}"),
                ("skip: allowed", ("skip: with_right", "skip: refused")[number % 2]),
            )
        )  # fmt: skip
    loose = _changed(
        text,
        ("fields: [source]", "fields: []"),
        ("fields: [pains]", "fields: []"),
        ("evidence: [solution_deck, cost_sheet]", "evidence: []"),
        ("fields: [loss_reason]", "fields: []"),
        ("rule: touches('any', 30) >= 1", "rule: touches('any', 30) >= 0 OR touches('any', 30) IS NULL"),
        ("rule: budget >= 1000 OR is_strategic", "rule: budget IS NULL OR budget IS NOT NULL"),
    )
    drafted = [*demanding, loose, loose, loose]
    return (*versions(), *taking_away(), *(parse_playbook(draft, "draft.yaml") for draft in drafted))


def said_row_by_row(found):
    """Every decision a draft answers otherwise, by position."""
    return {
        judged.decision.position: (
            judged.verdict.replace(" ", "_"),
            judged.requirements,
            judged.delayed_until,
        )
        for judged in (*found.changed, *found.not_judgeable)
    }


def said_in_columns(found):
    """The same from the decisions of a replay."""
    return {
        row["position"]: (
            row["verdict"],
            tuple(row["requirements"]),
            None
            if row["delayed_until_position"] is None
            else (row["delayed_until_position"], row["delayed_until_at"]),
        )
        for row in found.decisions.iter_rows(named=True)
        if row["verdict"] != "unchanged"
    }


@thoroughly
@given(histories(most=80, taking_away=True), st.integers(0, 2**16), st.integers(1, 4))
def test_replay_in_columns_says_what_replay_row_by_row_says(steps, number, partitions):
    """Whatever the history: refusals, overrides, imports, mappings, erasure, corrected touches, unknown moments."""
    played = play(steps)
    published = sorted(played.playbooks.versions.items())
    among = [*drafts(), *(version for (name, _), version in published if name == "projects")]
    draft = among[number % len(among)]
    expected = row_by_row_replay.replay(played.log, played.desk.vault, draft)
    found = replayed(played.log, played.desk.vault, draft, partitions=partitions)
    law = found.law
    assert (law.decisions, law.reproduced, law.erased, law.different) == (
        expected.decisions,
        expected.reproduced,
        expected.erased,
        sorted(expected.different),
    )
    assert found.decisions.height == expected.judged
    assert said_in_columns(found) == said_row_by_row(expected)
    assert found.decisions["never"].drop_nulls().sum() == sum(
        judged.verdict == "newly refused" and judged.delayed_until is None for judged in expected.changed
    )
    SEEN.update(found.decisions["verdict"].to_list())
    SEEN["erased"] += law.erased
    SEEN["delayed"] += found.decisions["delayed_until_position"].drop_nulls().len()
    SEEN["never"] += int(found.decisions["never"].drop_nulls().sum())


def test_the_histories_have_every_answer_in_them():
    """A comparison of histories in which nothing changes would prove nothing."""
    if not SEEN:
        test_replay_in_columns_says_what_replay_row_by_row_says()
    wanted = ("unchanged", "newly_refused", "newly_allowed", "not_judgeable", "delayed", "never", "erased")
    assert all(SEEN[what] >= 5 for what in wanted), SEEN
