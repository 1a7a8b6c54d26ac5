"""Replay of deadlines, event by event: the law of what was noticed, and what a draft would have had noticed.

The clock of the log is taken as it was. A rung that comes at one and the same moment under the published rules and under the draft is
noticed when the log's clock looked at the deadline; one that comes at another moment is noticed at that moment.
"""

from datetime import UTC, datetime
from typing import Any

from oracle import log as told
from oracle import playbooks as books
from oracle.arming import Ladder
from oracle.log import Event
from oracle.moments import Log
from oracle.telling import told as told_people
from oracle.unsaid import puzzle, row, unsaid, why_not

Row = dict[str, Any]
Place = tuple[int, int]
NOBODY: Place = (-1, 0)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def firings(events: list[Event], upto: int) -> list[Event]:
    """What was noticed up to a position."""
    return [it for it in events if it["topic"] == "deadline.noticed.v1" and it["position"] <= upto]


def name_of(payload: dict[str, Any]) -> tuple[Any, ...]:
    """What tells a firing from all others."""
    return (*key_of(payload), payload["rung"], payload.get("repeat", 0))


def key_of(payload: dict[str, Any]) -> tuple[Any, ...]:
    """The armed deadline a firing is of."""
    return (payload["deadline"], payload.get("subject"), payload["armed_at"])


def highest(ladder: Ladder | None, before: Place, at: datetime) -> Place | None:
    """The highest rung that came by a moment and that nobody was told of."""
    past = (
        []
        if ladder is None
        else [place for place, when in ladder["rungs"].items() if when <= at and place > before]
    )
    return max(past, default=None)


def notice(
    log: Log, record: str, ladder: Ladder, before: Place, at: datetime, position: int, organised: Any
) -> Row:
    """What is noticed of a deadline at a moment."""
    past = [place for place, when in ladder["rungs"].items() if when <= at and place > before]
    place = max(past)
    who = told_people(ladder, place[0], log.of(record, position), organised, at)
    skipped = sorted({rung for rung, _ in past} - {place[0]})
    return {"place": place, "due": ladder["due"], "told": who, "skipped": skipped, "at": at}


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def law(events: list[Event], after: int, upto: int, scope: dict[str, list[str]]) -> dict[str, Any]:
    """How many firings of a window come out as recorded, and which come out otherwise."""
    log, before, answers = Log(events), dict[Any, Place](), []
    for event in firings(events, upto):
        payload, position, at = event["payload"], event["position"], event["decided_at"]
        record, key = payload["record"], key_of(payload)
        version = log.version(record, position, at)
        ladder, reached = log.ladders(record, position, version).get(key), before.get((record, key), NOBODY)
        right = False
        if highest(ladder, reached, at) is not None and ladder is not None:
            found = notice(log, record, ladder, reached, at, position, log.organised(position))
            before[record, key] = found["place"]
            right = (
                found["place"] == (payload["rung"], payload.get("repeat", 0))
                and found["due"] == datetime.fromisoformat(payload["due_at"])
                and datetime.fromisoformat(payload["noticed_at"]) == at
                and (found["told"], found["skipped"]) == (payload["told"], payload.get("skipped") or [])
                and (version["name"], version["number"]) == (event["playbook"], event["playbook_version"])
            )
        if position > after and _is_in(log, record, position, version, scope):
            answers.append((position, right))
    different = [position for position, right in answers if not right]
    return {
        "decisions": len(answers),
        "reproduced": len(answers) - len(different),
        "erased": 0,
        "different": different,
    }


def _is_in(
    log: Log, record: str, position: int, version: books.Playbook, scope: dict[str, list[str]]
) -> bool:
    known = books.adopted(told.fold(log.of(record, position))[record], version, log.published(position))
    return books.is_in_scope(
        scope, known["fields"], known["owner"], told.organisation(log.events, position - 1)
    )


# ── a draft ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows(
    events: list[Event], draft: books.Playbook, after: int, upto: int, scope: dict[str, list[str]]
) -> list[Row]:
    """What a draft makes of each firing of a window, and what else it would have had noticed."""
    log = Log(events)
    opened = [it["stream"] for it in events if it["topic"] == "record.opened.v1" and it["position"] <= upto]
    return [row for record in opened for row in _of_record(log, record, draft, after, upto, scope)]


def _of_record(log: Log, record: str, draft: books.Playbook, after: int, upto: int, scope: Any) -> list[Row]:
    window = (_moment(log.events, after), _moment(log.events, upto))
    reached: dict[Any, Place] = {}
    would: list[Row] = []
    was: list[Row] = []
    late: dict[Any, Row] = {}
    puzzles: dict[str, Row] = {}
    for part in _slices(log, record, draft, upto, scope):
        position, rules = part["position"], draft if part["judged"] else part["version"]
        ladders = log.ladders(record, position, rules)
        others = log.ladders(record, position, part["version"])
        look = part["look"]
        if look is None:
            for key, ladder in ladders.items():
                same = _same(ladder, others.get(key))
                own = {
                    max(at, part["begins"])
                    for place, at in ladder["rungs"].items()
                    if (place, at) not in same and place > reached.get(key, NOBODY)
                }
                for at in sorted(own):
                    if part["begins"] <= at < part["ends"] or part["begins"] < at == part["ends"]:
                        _fire(
                            log,
                            record,
                            ladder,
                            reached,
                            at,
                            position,
                            log.organised(at),
                            part,
                            others,
                            would,
                            None,
                        )
                for place, at in same:
                    if (
                        part["judged"]
                        and at < part["ends"]
                        and part["begins"] < part["ends"]
                        and place > reached.get(key, NOBODY)
                    ):
                        late.setdefault((key, place), {"came": max(at, part["begins"]), "due": ladder["due"]})
            if part["judged"]:
                puzzle(log, record, part, draft, window, puzzles)
            continue
        payload = look["payload"]
        key = key_of(payload)
        item = {
            "event": look, "part": part, "ladder": ladders.get(key), "why": why_not(log, record, part, draft, key[0]) if part["judged"] else None,
        }  # fmt: skip
        if key in ladders:
            at = look["decided_at"]
            _fire(
                log,
                record,
                ladders[key],
                reached,
                at,
                position,
                log.organised(position),
                part,
                others,
                would,
                position,
            )
        was.append(item)
    return [
        *_of_firings(was, would, draft, after), *_new(log, record, was, would, draft, after, window),
        *_unnoticed(log, record, late, reached, window), *puzzles.values(),
    ]  # fmt: skip


def _slices(log: Log, record: str, draft: books.Playbook, upto: int, scope: Any) -> Any:
    """The time of a record, cut at every event of the log, at every moment a version takes effect, and where the clock looked at it."""
    first = next(it["position"] for it in log.events if it["stream"] == record)
    here = [it for it in log.events if first <= it["position"] <= upto]
    for event, following in zip(here, [*here[1:], None], strict=True):
        position = event["position"] + 1
        if event["topic"] == "deadline.noticed.v1" and event["payload"]["record"] == record:
            before = event["position"]
            version = log.version(record, before, event["decided_at"])
            judged = version["name"] == draft["name"] and _is_in(log, record, before, version, scope)
            yield {"position": before, "version": version, "judged": judged, "look": event}
        begins, ends = event["recorded_at"], (here[-1] if following is None else following)["recorded_at"]
        dates = sorted(
            {
                it["effective_from"]
                for it in books.versions(log.events, 10**9)
                if it["effective_from"] and begins < it["effective_from"] < ends
            }
        )
        for start, end in zip([begins, *dates], [*dates, ends], strict=True):
            version = log.version(record, position, start)
            judged = version["name"] == draft["name"] and _is_in(log, record, position, version, scope)
            yield {
                "position": position,
                "version": version,
                "judged": judged,
                "begins": start,
                "ends": end,
                "look": None,
            }


def _moment(events: list[Event], position: int) -> datetime:
    return (
        max((it["recorded_at"] for it in events if it["position"] <= position), default=LONG_AGO)
        if position
        else LONG_AGO
    )


def _same(ladder: Ladder | None, other: Ladder | None) -> set[tuple[Place, datetime]]:
    return (
        set()
        if ladder is None or other is None
        else set(ladder["rungs"].items()) & set(other["rungs"].items())
    )


def _fire(
    log: Log, record: str, ladder: Ladder, reached: dict[Any, Place], at: datetime, position: int, organised: Any, part: Row, others: Any,
    would: list[Row], look: int | None,
) -> None:  # fmt: skip
    key = ladder["key"]
    before = reached.get(key, NOBODY)
    if highest(ladder, before, at) is None:
        return
    found = notice(log, record, ladder, before, at, position, organised)
    reached[key] = found["place"]
    would.append(
        {**found, "name": (*key, *found["place"]), "part": part, "other": others.get(key), "position": look}
    )


def _of_firings(was: list[Row], would: list[Row], draft: books.Playbook, after: int) -> list[Row]:
    by_name, found = {it["name"]: it for it in would}, []
    for item in was:
        event, payload = item["event"], item["event"]["payload"]
        if not item["part"]["judged"] or event["position"] <= after:
            continue
        name, at = name_of(payload), event["decided_at"]
        then = {"due": datetime.fromisoformat(payload["due_at"]), "told": payload["told"]}
        other = by_name.get(name)
        if item["why"] is not None:
            verdict, why, other = "not_judgeable", item["why"], None
        elif other is None:
            verdict, why = "gone", _why_gone(item, draft, name)
        elif other["due"] != then["due"]:
            verdict, why = "changed", "due later" if other["due"] > then["due"] else "due earlier"
        elif other["told"] != then["told"]:
            verdict, why = "changed", "told others"
        else:
            verdict, why = "unchanged", None
        found.append(row((payload["record"], *name), verdict, why, then, other, event["position"], at))
    return found


def _new(
    log: Log, record: str, was: list[Row], would: list[Row], draft: Any, after: int, window: Any
) -> list[Row]:
    known, found = {name_of(it["event"]["payload"]) for it in was}, []
    for item in would:
        part, name = item["part"], item["name"]
        inside = (
            item["position"] > after if item["position"] is not None else window[0] < item["at"] <= window[1]
        )
        if (
            name in known
            or not part["judged"]
            or not inside
            or unsaid(log, record, part, draft, name[0]) is not None
        ):
            continue
        other = item["other"]
        if other is None:
            kind = books.kinds(part["version"])[record.partition("/")[0]]
            why = "not armed then" if name[0] in _names(kind) else "no such deadline then"
        elif item["place"] not in other["rungs"]:
            why = "paused then" if other["is_paused"] else "no such rung then"
        else:
            why = "due earlier" if other["rungs"][item["place"]] > item["at"] else "told higher up then"
        found.append(row((record, *name), "new", why, None, item, at=item["at"]))
    return found


def _why_gone(item: Row, draft: books.Playbook, name: tuple[Any, ...]) -> str:
    ladder, place = item["ladder"], name[3:]
    if ladder is None:
        kind = books.kinds(draft)[item["event"]["payload"]["record"].partition("/")[0]]
        return "not armed" if name[0] in _names(kind) else "no such deadline"
    if place not in ladder["rungs"]:
        return "paused" if ladder["is_paused"] else "no such rung"
    return "due later" if ladder["rungs"][place] > item["event"]["decided_at"] else "told higher up"


def _names(kind: books.Kind) -> set[str]:
    """The names of all deadlines of a kind, those of limits among them."""
    levels = {
        f"approvals.{chain}.{level['name']}"
        for chain, spec in books.named(kind.get("approvals")).items() for level in spec["levels"] if "within_hours" in level
    }  # fmt: skip
    items = {
        f"work.{template}.{item['name']}"
        for template, spec in books.named(kind.get("work")).items() for item in spec.get("checklist") or () if "within_hours" in item
    }  # fmt: skip
    return {*books.named(kind.get("deadlines")), *levels, *items}


def _unnoticed(
    log: Log, record: str, late: dict[Any, Row], reached: dict[Any, Place], window: Any
) -> list[Row]:
    """What came at the same moment under both rules, and the clock never looked at; of each deadline the highest."""
    found = []
    for key in {key for key, _ in late}:
        left = [place for known, place in late if known == key and place > reached.get(key, NOBODY)]
        if not left:
            continue
        item = late[key, max(left)]
        ever = [
            name_of(it["payload"])[3:] for it in log.events
            if it["topic"] == "deadline.noticed.v1" and it["payload"]["record"] == record and key_of(it["payload"]) == key
        ]  # fmt: skip
        if window[0] < item["came"] <= window[1] and not any(place >= max(left) for place in ever):
            told_row = row(
                (record, *key, *max(left)),
                "not_judgeable",
                "the clock was not there",
                None,
                None,
                at=item["came"],
            )
            found.append({**told_row, "due_would": item["due"]})
    return found
