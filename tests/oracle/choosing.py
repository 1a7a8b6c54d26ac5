"""Who gets a record: everybody a pool could mean, judged one after the other, as the guide on assignment says."""

import hashlib
from datetime import datetime
from fractions import Fraction
from typing import Any

from oracle import facts as fact_answers
from oracle import playbooks as books
from oracle import rules
from oracle.facts import day_in
from oracle.log import Event, Record, is_erased, moment, upto

Happening = dict[str, Any]
"""What a pool did: `what` (assigned, claimed, returned, recycled), pool, record, person, rule, attempt, fallback, cause, at, position, version."""
Company = dict[str, Any]
Candidate = dict[str, Any]


def company(events: list[Event], position: int) -> Company:
    """Teams, people with their skills, absences and delegations as of a position."""
    teams: dict[str, Any] = {}
    people: dict[str, Any] = {}
    absences: dict[str, Any] = {}
    delegations: dict[str, Any] = {}
    for event in upto(events, position):
        told, topic = event["payload"], event["topic"].removesuffix(".v1")
        match topic:
            case "organisation.team-formed":
                teams[told["team"]] = {"region": told.get("region"), "part_of": told.get("part_of")}
            case "organisation.person-joined":
                people[told["person"]] = {
                    "team": told.get("team"), "region": told.get("region"), "here": True, "roles": set(told.get("roles") or ()), "skills": set(),
                }  # fmt: skip
            case "organisation.person-moved":
                people[told["person"]].update(team=told["team"], region=told.get("region"))
            case "organisation.person-left":
                people[told["person"]]["here"] = False
            case "organisation.role-granted":
                people[told["person"]]["roles"].add(told["role"])
            case "organisation.role-revoked":
                people[told["person"]]["roles"].discard(told["role"])
            case "organisation.skills-set":
                people[told["person"]]["skills"] = set(told["skills"])
            case "organisation.absence-noted":
                absences[told["absence"]] = {**told, "begins": moment(told["begins"]), "ends": moment(told.get("ends")), "version": event["version"]}  # fmt: skip
            case "organisation.absence-ended":
                absences[told["absence"]]["ends"] = _earlier(
                    absences[told["absence"]]["ends"], event["decided_at"]
                )
            case "organisation.delegation-given":
                delegations[told["delegation"]] = {**told, "begins": moment(told["begins"]), "ends": moment(told.get("ends")), "version": event["version"]}  # fmt: skip
            case "organisation.delegation-ended":
                delegations[told["delegation"]]["ends"] = _earlier(
                    delegations[told["delegation"]]["ends"], event["decided_at"]
                )
    return {"teams": teams, "people": people, "absences": absences, "delegations": delegations}


def _earlier(ends: datetime | None, now: datetime) -> datetime:
    return now if ends is None else min(ends, now)


def _holds(span: dict[str, Any], at: datetime) -> bool:
    return bool(span["begins"] <= at and (span["ends"] is None or at < span["ends"]))


def is_away(org: Company, person: str, at: datetime) -> bool:
    """Whether any absence of a person holds at a moment."""
    return any(span["person"] == person and _holds(span, at) for span in org["absences"].values())


def region_of(org: Company, person: str) -> str | None:
    """The person's own region, else their team's."""
    found = org["people"][person]
    team = org["teams"].get(found["team"]) or {}
    region: str | None = found["region"] or team.get("region")
    return region


def stand_in(org: Company, person: str, at: datetime) -> str | None:
    """Whoever takes what would be a person's: the newest absence's stand-in, else the newest delegation that covers work, five times over."""
    seen = {person}
    for _ in range(6):
        if person not in org["people"] or not org["people"][person]["here"]:
            return None
        if not is_away(org, person, at):
            return person
        away = [it for it in org["absences"].values() if it["person"] == person and _holds(it, at)]
        given = [it for it in org["delegations"].values() if it["person"] == person and _holds(it, at) and "work" in it.get("covers", ("work", "approvals"))]  # fmt: skip
        named = [it.get("stand_in") for it in sorted(away, key=_longest(at), reverse=True)]
        named += [it["to"] for it in sorted(given, key=lambda it: it["version"], reverse=True)]
        there = [who for who in named if who in org["people"] and org["people"][who]["here"]]
        if not there or there[0] in seen:
            return None
        person = there[0]
        seen.add(person)
    return None


def _longest(at: datetime) -> Any:
    return lambda it: (it["ends"] is None, it["ends"] or at, it["version"])


# ── what a pool knows of its past ────────────────────────────────────────────────────────────────────────────────────


def of(pool: str, happened: list[Happening]) -> list[Happening]:
    """What one pool did."""
    return [it for it in happened if it["pool"] == pool]


def waiting_since(pool: str, record: str, happened: list[Happening]) -> int | None:
    """Since which position nobody was found for a record in a pool; None where it does not wait there."""
    since: int | None = None
    for it in of(pool, happened):
        if it["record"] == record and it["what"] == "assigned" and it["person"] is None:
            since = None if it["fallback"] else since or it["position"]
        elif it["record"] == record and it["what"] in ("assigned", "claimed"):
            since = None
    return since


def waiting(pool: str, happened: list[Happening]) -> list[str]:
    """The records that wait in a pool, in the order in which they came to wait."""
    found = {it["record"]: waiting_since(pool, it["record"], happened) for it in of(pool, happened)}
    return sorted((record for record in found if found[record]), key=lambda record: (found[record], record))


def attempts(pool: str, record: str, happened: list[Happening]) -> int:
    """How often an owner was looked for."""
    told = [it["attempt"] for it in of(pool, happened) if it["what"] == "assigned" and it["record"] == record]
    return int(told[-1]) if told else 0


def asked_up_to(happened: list[Happening]) -> int:
    """The last position that was asked about in any pool of the kind."""
    return max((it["cause"] for it in happened if it["what"] == "assigned"), default=0)


def had_by(record: str, happened: list[Happening]) -> set[str]:
    """Who gave a record back or lost it."""
    return {
        it["person"] for it in happened if it["record"] == record and it["what"] in ("returned", "recycled")
    }


# ── who is chosen ────────────────────────────────────────────────────────────────────────────────────────────────────


class Asked:
    """Everything one search is judged by. `owned` tells whose each record was as of the cause; `records` how they stood then."""

    def __init__(
        self, pool: str, record: Record, playbook: books.Playbook, org: Company, happened: list[Happening],
        records: dict[str, Record], owned: dict[str, str | None], cause: int, at: datetime,
    ) -> None:  # fmt: skip
        self.pool, self.record, self.playbook, self.org, self.happened = pool, record, playbook, org, happened
        self.records, self.owned, self.cause, self.at = records, owned, cause, at
        self.zone = playbook["document"].get("time_zone", "UTC")
        self.kind = books.kinds(playbook)[record["kind"]]
        self.rules = books.named(books.named(playbook["document"].get("pools"))[pool].get("rules"))
        self.attempt = attempts(pool, record["stream"], happened) + 1

    def holds(self, place: str) -> bool:
        """Whether the rule at a place holds for the record; unknown is no, and where there is no rule it holds."""
        tree = self.playbook["rules"].get(place)
        return tree is None or judge(tree, self.record, self.at, self.zone) is True

    def today(self, person: str) -> int:
        """What the pool assigned to a person on this day."""
        days = [it for it in of(self.pool, self.happened) if it["what"] == "assigned" and it["person"] == person]  # fmt: skip
        return sum(day_in(it["at"], self.zone) == day_in(self.at, self.zone) for it in days)

    def gained(self, person: str) -> int:
        """How many records a person got from any pool since the cause, less those they lost."""
        later = [it for it in self.happened if it["position"] > self.cause and it["person"] == person]
        return sum(1 if it["what"] in ("assigned", "claimed") else -1 for it in later)

    def owns(self, person: str) -> int:
        """How many open records a person owns."""
        steps = books.steps(self.kind)
        found = 0
        for stream, record in self.records.items():
            step = steps.get(record["stage"])
            is_open = record["stage"] is None or (step is not None and step["outcome"] == "open")
            found += self.owned.get(stream) == person and is_open
        return max(found + self.gained(person), 0)

    def closed(self, person: str, region: Any, last: int) -> list[str]:
        """How the last records of a region ended that a person owned, newest first."""
        steps = books.steps(self.kind)
        ended = [
            record
            for stream, record in self.records.items()
            if self.owned.get(stream) == person and record["fields"].get(self.region_field) == region
            and record["stage"] in steps and steps[record["stage"]]["outcome"] != "open"
        ]  # fmt: skip
        ended.sort(key=lambda record: record["stream"])
        ended.sort(key=lambda record: record["stage_entered_at"], reverse=True)
        return [steps[record["stage"]]["outcome"] for record in ended[:last]]

    region_field = "region"

    def draw(self, person: str) -> str:
        """What breaks ties."""
        return hashlib.sha256(f"{self.record['stream']}\n{self.attempt}\n{person}".encode()).hexdigest()


def judge(tree: rules.Tree, record: Record, at: datetime, zone: str) -> Any:
    """A rule over a record as it stands."""

    def value(name: str) -> Any:
        held = record["fields"].get(name)
        return None if is_erased(held) else held

    return rules.judge(tree, value, lambda name, arguments: fact_answers.answer(record, name, arguments, record["stage"], at, zone))  # fmt: skip


def chosen(asked: Asked) -> tuple[str | None, str | None, list[Candidate]]:
    """The rule that found somebody, whom it found, and everybody who was judged."""
    everybody: list[Candidate] = []
    for name, rule in asked.rules.items():
        if not asked.holds(f"pools/{asked.pool}/rules/{name}/when"):
            continue
        candidates = [_judged(person, name, rule, asked) for person in _meant(rule, asked)]
        can = [it for it in candidates if it["why"] == "lower"]
        can.sort(key=lambda it: (_place(it, name, rule, asked), asked.draw(it["person"])))
        everybody += candidates
        if can:
            can[0]["why"] = "chosen"
            if rule.get("strategy") == "best_win_rate":
                for it in can[1:]:
                    it["why"] = it["why"] if it["closed"] else "nothing closed"
            return name, can[0]["person"], everybody
    return None, None, everybody


def fallen_back(asked: Asked) -> tuple[str | None, str | None, list[Candidate]]:
    """Whom the pool names where no rule finds anybody: a person and who was judged, or the pool the record is passed on to."""
    told = books.named(asked.playbook["document"]["pools"])[asked.pool].get("fallback") or {}
    if told.get("pool"):
        return None, told["pool"], []
    if told.get("person"):
        named = told["person"]
        found = stand_in(asked.org, named, asked.at)
        why = "chosen" if found else "away" if named in asked.org["people"] and asked.org["people"][named]["here"] else "left"  # fmt: skip
        return found, None, [{"person": found or named, "fallback": True, "why": why}]
    if not told.get("role"):
        return None, None, []
    holders = sorted(name for name, it in asked.org["people"].items() if it["here"] and told["role"] in it["roles"])  # fmt: skip
    listed = [{"person": name, "fallback": True, "why": "away" if is_away(asked.org, name, asked.at) else "lower"} for name in holders]  # fmt: skip
    there = [it for it in listed if it["why"] == "lower"]
    there.sort(key=lambda it: (_turn(it["person"], None, asked) or 0, asked.draw(it["person"])))
    if not there:
        return None, None, listed
    there[0]["why"] = "chosen"
    return there[0]["person"], None, listed


def _meant(rule: dict[str, Any], asked: Asked) -> list[str]:
    who = rule.get("candidates") or {}
    teams = set(who.get("teams") or ())
    for _ in asked.org["teams"]:
        teams |= {name for name, team in asked.org["teams"].items() if team["part_of"] in teams}
    ever = {it["person"] for it in of(asked.pool, asked.happened) if it["what"] == "assigned"}
    return [
        name
        for name, person in sorted(asked.org["people"].items())
        if (not who.get("teams") or person["team"] in teams)
        and (not who.get("roles") or person["roles"] & set(who["roles"]))
        and (person["here"] or name in ever)
    ]


def _judged(person: str, name: str, rule: dict[str, Any], asked: Asked) -> Candidate:
    who, strategy = rule.get("candidates") or {}, rule.get("strategy", "round_robin")
    told: Candidate = {"person": person, "rule": name}
    if not asked.org["people"][person]["here"]:
        return {**told, "why": "left"}
    region, fields = region_of(asked.org, person), asked.record["fields"]
    missing = []
    if who.get("regions") and region not in who["regions"]:
        missing.append("region")
    if who.get("region_of") and (region is None or region != fields.get(who["region_of"])):
        missing.append("region")
    skills = set(who.get("skills") or ())
    for field in who.get("skills_of") or ():
        held = fields.get(field)
        skills |= set(held if isinstance(held, list) else [held] if held else [])
    missing += [f"skill {skill}" for skill in sorted(skills - asked.org["people"][person]["skills"])]
    if missing:
        return {**told, "why": "not in scope", "missing": missing}
    if is_away(asked.org, person, asked.at):
        return {**told, "why": "away"}
    if person in had_by(asked.record["stream"], asked.happened):
        return {**told, "why": "had it"}
    today, capacity, per_day = asked.today(person), rule.get("capacity"), rule.get("per_day")
    if capacity is not None or strategy == "least_open":
        told["open"] = asked.owns(person)
    told["today"] = today
    if capacity is not None and told["open"] >= capacity:
        return {**told, "why": "at capacity"}
    if per_day is not None and today >= per_day:
        return {**told, "why": "daily limit"}
    if strategy == "round_robin":
        told["turn"] = _turn(person, name, asked)
    if strategy == "best_win_rate":
        ended = asked.closed(person, fields.get(who["region_of"]), rule.get("of_last", 3)) if fields.get(who["region_of"]) else []  # fmt: skip
        told |= {"won": ended.count("won"), "closed": len(ended)}
    return {**told, "why": "lower"}


def _turn(person: str, rule: str | None, asked: Asked) -> int | None:
    turns = [
        it["version"]
        for it in of(asked.pool, asked.happened)
        if it["what"] == "assigned" and it["person"] == person and it["rule"] == rule
    ]
    return turns[-1] if turns else None


def _place(it: Candidate, name: str, rule: dict[str, Any], asked: Asked) -> Fraction:
    match rule.get("strategy", "round_robin"):
        case "round_robin":
            return Fraction(it["turn"] or 0)
        case "least_open":
            return Fraction(it["open"])
        case _:
            return -Fraction(it["won"], it["closed"]) if it["closed"] else Fraction(1)
