"""The product beside the oracle: the same question put to both, and every difference in words."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from oracle import impact as oracle_impact
from oracle import replay as oracle_replay

from domain.playbook.published import PublishedPlaybook
from projections.replay import Ask, Window, replay
from support.long_histories import Tale
from support.measured_playbook import versions
from support.oracle_adapter import plain_draft
from support.oracle_shelf import Shelf, shelf_of

DELAY = ("delayed_until_position", "delayed_until_at", "delayed_seconds", "never")
SCOPES: tuple[Mapping[str, tuple[str, ...]], ...] = (
    {}, {"owner.team": ("north",)}, {}, {"source": ("fair", "referral")}, {}, {"owner.region": ("华南", "西南")}, {},
)  # fmt: skip

Differences = Callable[[Shelf, int], list[str]]
"""What the product and the oracle say differently about the histories of a shelf, asked the question of a number."""


def draft_for(number: int) -> PublishedPlaybook:
    """The draft decisions are judged by again; its indices are compared apart."""
    draft = versions()[number % len(versions())]
    return replace(draft, document=draft.document.model_copy(update={"indices": {}}))


def window_for(shelf: Shelf, number: int) -> Window:
    """The window of the question: mostly all of the log, else from the middle of a history to before the end of one."""
    first, head = shelf.volumes[0].events, shelf.head()
    after = 0 if number % 3 else first[len(first) // 2].position
    return Window(after, head if number % 4 else max(head - 7, after + 1))


def replay_differences(shelf: Shelf, number: int) -> list[str]:
    """What the engine and the oracle say differently: the law, every verdict with its delay, and what the impact counts."""
    head, draft, scope = shelf.head(), draft_for(number), SCOPES[number % len(SCOPES)]
    window = window_for(shelf, number)
    law = {"decisions": 0, "reproduced": 0, "erased": 0, "different": list[int]()}
    judged: list[dict[str, Any]] = []
    plain = plain_draft(draft)
    for volume in shelf.volumes:
        found = oracle_replay.decisions(volume.plain, (window.after, window.upto))
        found = oracle_replay.within(volume.plain, found, {name: list(it) for name, it in scope.items()})
        for name, count in oracle_replay.law(found).items():
            law[name] += count
        for it in oracle_replay.verdicts(volume.plain, found, plain):
            late = it["verdict"] == "newly_refused"
            delay = oracle_replay.delayed(volume.plain, it, plain, head) if late else {}
            judged.append(it | delay)
    ask = Ask(window, dict(scope), draft, about=frozenset())
    answer = replay(shelf.view(partitions=1 + number % 2), shelf.playbooks, shelf.keys, ask)
    said_law = {name: getattr(answer.law, name) for name in law} | {"different": list(answer.law.different)}
    said = {row["position"]: _verdict(row) for row in answer.decisions.to_dicts()}
    right = {it["position"]: _verdict(it) for it in judged}
    about = [] if said_law == law else [f"law: {said_law} is {law}"]
    return [*about, *differing("decision", said, right), *impact_differences(answer.impact, judged)]


KEYS = {
    "rules": ("requirement", "verdict"),
    "edges": ("before", "after"),
    "people": ("owner",),
    "not_judgeable": ("requirement",),
}
"""The lists of an impact, and what names a row of each."""


def impact_differences(said: Mapping[str, Any], judged: list[dict[str, Any]]) -> list[str]:
    """What an impact and the oracle count differently over the same decisions; each list is told with what weighs most first."""
    right = oracle_impact.impact(judged)
    found = differing("total", said["totals"], right["totals"])
    for name, keys in KEYS.items():
        rows = {tuple(row[key] for key in keys): {it: row[it] for it in row if it not in keys} for row in said[name]}  # fmt: skip
        expected = {key if len(keys) > 1 else (key,): row for key, row in right[name].items()}
        assert len(rows) == len(said[name]), f"{name} tells a row twice"
        found += differing(f"{name} of the impact", rows, expected)
    for name in ("rules", "not_judgeable"):
        counts = [row["decisions"] for row in said[name]]
        found += [] if counts == sorted(counts, reverse=True) else [f"{name} are in no order: {counts}"]
    return found


def _verdict(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "verdict": row["verdict"],
        "requirements": sorted(row["requirements"]),
        "waived": sorted(row["waived"]),
        "erased": row["erased"],
        **{name: row[name] for name in DELAY if row["verdict"] == "newly_refused"},
    }


def differing(what: str, said: Mapping[Any, Any], right: Mapping[Any, Any]) -> list[str]:
    """Each key under which two answers differ."""
    return [
        f"{what} {key}: {said.get(key, 'absent')} is {right.get(key, 'absent')}"
        for key in sorted(said.keys() | right.keys(), key=repr)
        if said.get(key, "absent") != right.get(key, "absent")
    ]


# ── many histories ───────────────────────────────────────────────────────────────────────────────────────────────────


def tales_of(shard: str, count: int) -> list[Tale]:
    """The tales of a shard, always the same ones."""
    chance = random.Random(shard)
    return [Tale(chance.getrandbits(62), chance.randint(28, 52)) for _ in range(count)]


def assert_agree(shelf: Shelf, number: int, differences: Differences) -> None:
    """Both say the same of a shelf; where they do not, the shortest beginning of one history that shows it is told."""
    found = differences(shelf, number)
    if not found:
        return
    tales = [volume.tale for volume in shelf.volumes]
    tale = next((it for it in tales if differences(shelf_of([it]), number)), None)
    if tale is None:
        raise AssertionError("\n".join([f"{tales} together: the product says … the oracle says", *found]))
    for shorter in beginnings(tale):
        if fewer := differences(shelf_of([shorter]), number):
            raise AssertionError(
                "\n".join([f"{shorter}, {number}: the product says … the oracle says", *fewer])
            )


def beginnings(tale: Tale) -> Iterable[Tale]:
    """The beginnings of a tale, the shortest first, itself last."""
    return (Tale(tale.number, steps) for steps in range(1, tale.steps + 1))
