"""What can be wrong with the pools of a playbook: nobody to find, names nobody knows, fallbacks that lead in a circle."""

from collections.abc import Callable, Iterator

from domain.naming import is_id, split_stream
from domain.playbook.fields import FieldKind
from domain.playbook.model import Kind, Playbook
from domain.playbook.pools import MANAGER, AssignmentRule, Pool, Strategy
from domain.playbook.problems import Place, PlaybookProblem, known, named_once
from domain.rules.tree import Rule

ReadRule = Callable[[str, str, Place], "Rule | list[PlaybookProblem]"]
"""Reads a rule about records of a kind: the text, the kind, and where the text stands."""


def pool_place(pool: str) -> str:
    """Name the place of the rule that says which records enter a pool."""
    return f"pools/{pool}/when"


def pool_rule_place(pool: str, rule: str) -> str:
    """Name the place of the rule that says when an assignment rule applies."""
    return f"pools/{pool}/rules/{rule}/when"


def pool_problems(playbook: Playbook) -> Iterator[PlaybookProblem]:
    """Everything wrong with the pools of a playbook, apart from the text of their rules."""
    entered: dict[str, str] = {}
    for name, pool in playbook.pools.items():
        here: Place = ("pools", name)
        if "/" in name or not is_id(name):
            yield PlaybookProblem(here, "a pool is named without slashes and spaces")
        yield from known(pool.kind, playbook.kinds, "kind", (*here, "kind"))
        kind = playbook.kinds.get(pool.kind)
        if kind is not None:
            for rule_name, rule in pool.rules.items():
                yield from _rule_problems(playbook, kind, rule, (*here, "rules", rule_name))
        yield from _fallback_problems(playbook, name, pool, (*here, "fallback"))
        yield from _alert_problems(playbook, pool, (*here, "alert"))
        is_fallback = any(
            other.fallback is not None and other.fallback.pool == name for other in playbook.pools.values()
        )
        if pool.kind in entered and not is_fallback:
            yield PlaybookProblem(
                here,
                f"no record enters it: {entered[pool.kind]!r} stands before it and takes all of the kind",
            )
        if pool.when is None:
            entered.setdefault(pool.kind, name)


def pool_rules(playbook: Playbook, read: ReadRule) -> tuple[dict[str, Rule], list[PlaybookProblem]]:
    """Read the rules of all pools; return them by place, and everything wrong with them."""
    rules: dict[str, Rule] = {}
    problems: list[PlaybookProblem] = []
    for name, pool in playbook.pools.items():
        if pool.kind not in playbook.kinds:
            continue
        texts: list[tuple[str, str | None, Place]] = [(pool_place(name), pool.when, ("pools", name, "when"))]
        texts += [
            (pool_rule_place(name, rule_name), rule.when, ("pools", name, "rules", rule_name, "when"))
            for rule_name, rule in pool.rules.items()
        ]
        for place, text, where in texts:
            if text is None:
                continue
            found = read(text, pool.kind, where)
            if isinstance(found, list):
                problems += found
            else:
                rules[place] = found
    return rules, problems


def _rule_problems(
    playbook: Playbook, kind: Kind, rule: AssignmentRule, here: Place
) -> Iterator[PlaybookProblem]:
    who, at = rule.candidates, (*here, "candidates")
    for index, role in enumerate(who.roles):
        yield from known(role, playbook.roles, "role", (*at, "roles", str(index)))
    for member in ("teams", "roles", "regions", "skills", "skills_of"):
        yield from named_once(getattr(who, member), (*at, member))
    if who.regions and who.region_of is not None:
        yield PlaybookProblem(
            (*at, "region_of"), "the regions are listed already; say them, or the field of the record"
        )
    if who.region_of is not None:
        yield from _choice_problems(kind, who.region_of, (*at, "region_of"), one=True)
    for index, name in enumerate(who.skills_of):
        yield from _choice_problems(kind, name, (*at, "skills_of", str(index)), one=False)
    if rule.strategy is Strategy.best_win_rate and who.region_of is None:
        yield PlaybookProblem(
            (*here, "strategy"),
            "win rates are those of the record's region; name its field in 'region_of' of the candidates",
        )
    if rule.strategy is Strategy.best_win_rate and not any(
        stage.outcome == "won" for stage in kind.stages.values()
    ):
        yield PlaybookProblem((*here, "strategy"), "no stage of the kind is 'won'; nothing would be judged")
    if rule.strategy is not Strategy.best_win_rate and rule.of_last != 3:
        yield PlaybookProblem((*here, "of_last"), "only 'best_win_rate' looks at the last closed records")


def _choice_problems(kind: Kind, name: str, here: Place, *, one: bool) -> Iterator[PlaybookProblem]:
    yield from known(name, kind.fields, "field", here)
    spec = kind.fields.get(name)
    if spec is None:
        return
    if spec.type is not FieldKind.choice or (one and spec.choose is not None):
        yield PlaybookProblem(here, f"{name!r} is not a choice of one of several options")
    if spec.is_personal:
        yield PlaybookProblem(here, f"{name!r} is personal; nobody is chosen by it")


def _alert_problems(playbook: Playbook, pool: Pool, here: Place) -> Iterator[PlaybookProblem]:
    yield from named_once(pool.alert, here)
    for index, who in enumerate(pool.alert):
        yield from known(who, (MANAGER, *playbook.roles), "role or place", (*here, str(index)))
    if pool.alert and not (pool.rules or pool.fallback):
        yield PlaybookProblem(
            here, "nobody is looked for in this pool; leave the alert out, or give it rules"
        )


def _fallback_problems(playbook: Playbook, name: str, pool: Pool, here: Place) -> Iterator[PlaybookProblem]:
    fallback = pool.fallback
    if fallback is None:
        return
    given = [member for member in ("person", "role", "pool") if getattr(fallback, member) is not None]
    if len(given) != 1:
        yield PlaybookProblem(here, "say one of 'person', 'role' and 'pool'")
    if fallback.person is not None:
        kind, person = split_stream(fallback.person)
        if kind != "person" or not is_id(person):
            yield PlaybookProblem((*here, "person"), "a person is expected, as person/per_…")
    if fallback.role is not None:
        yield from known(fallback.role, playbook.roles, "role", (*here, "role"))
    if fallback.pool is None:
        return
    yield from known(fallback.pool, playbook.pools, "pool", (*here, "pool"))
    following = playbook.pools.get(fallback.pool)
    if following is not None and following.kind != pool.kind:
        yield PlaybookProblem(
            (*here, "pool"),
            f"{fallback.pool!r} holds records of {following.kind!r}; name a pool of the same kind",
        )
    seen = [name]
    step: str | None = fallback.pool
    while step is not None and step in playbook.pools:
        if step in seen:
            yield PlaybookProblem(
                (*here, "pool"), f"the fallbacks lead in a circle: {' → '.join([*seen, step])}"
            )
            return
        seen.append(step)
        further = playbook.pools[step].fallback
        step = None if further is None else further.pool
