"""Replay of deadlines: whether the published rules say again what was noticed, and what a draft would have had noticed, when, and who would have been told."""

from collections import Counter
from collections.abc import Callable

import polars as pl

from domain.deadlines.limits import named_in
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.ledger.running import refuse_cancelled
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.asking import Ask
from projections.replay.deadlines.histories import People, histories_of, moment_of
from projections.replay.deadlines.impact import DEADLINES, framed, impact_of
from projections.replay.deadlines.law import answers
from projections.replay.deadlines.noticing import walk_drafted, walk_published
from projections.replay.deadlines.stretches import Rules, dates_of, stretches_of
from projections.replay.deadlines.verdicts import Row, rows_of
from projections.replay.law import law_of
from projections.replay.subject import Subject

__all__ = ["DEADLINES", "NAME", "replay_deadlines"]

NAME = "deadlines"


def replay_deadlines(
    view: View,
    playbooks: Playbooks,
    keys: Keys,
    ask: Ask,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Subject:
    """Notice the deadlines of a window again, under the published versions as they came into force, and under a draft as if it had always been.

    Events stay as they are: whoever would have been told earlier might have acted earlier. Raises Cancelled.
    """
    rules = _rules(view, playbooks, ask)
    kinds = _kinds(rules)
    window, law, rows = ask.window, Counter[str](), list[Row]()
    different: list[int] = []
    spell = (moment_of(view, window.after), moment_of(view, window.upto))
    dates = dates_of(rules)
    for partition in range(view.manifest.partitions):
        refuse_cancelled(cancelled)
        for history in histories_of(view, partition, kinds, window.upto, keys, dates):
            times = list(stretches_of(history, rules, window.upto, spell[1]))
            said = answers(walk_published(times, rules.people).looked, window)
            law.update(answer for answer, _ in said)
            different += (position for answer, position in said if answer == "different")
            if ask.draft is not None and any(time.is_judged for time in times):
                walked = walk_drafted(times, rules.people, ask.draft)
                rows += rows_of(history, walked, times, ask.draft, window, spell)
    refuse_cancelled(cancelled)
    figures = law_of([(law, different)])
    if ask.draft is None:
        return Subject(NAME, figures)
    return Subject(NAME, figures, impact_of(rows, ask.draft, playbooks), {NAME: framed(rows)})


def _rules(view: View, playbooks: Playbooks, ask: Ask) -> Rules:
    published = (
        view.scan("publications")
        .filter(pl.col("position") <= ask.window.upto)
        .sort("position")
        .select("position", "recorded_at")
        .collect()
    )
    return Rules(playbooks, tuple(published.iter_rows()), People.of(view), ask.draft, ask.scope)


def _kinds(rules: Rules) -> set[str]:
    """The kinds that any version gives a deadline, or the draft."""
    versions: list[PublishedPlaybook] = list(rules.playbooks.versions.values())
    if rules.draft is not None:
        versions.append(rules.draft)
    return {name for version in versions for name, kind in version.document.kinds.items() if named_in(kind)}
