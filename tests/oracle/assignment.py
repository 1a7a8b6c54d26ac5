"""Every recorded search for an owner decided again, and what a draft would have found, its own choices counting for its next ones.

Events have one column more here: `cause`, the position that made the worker search, 0 where that is not told.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from oracle import choosing
from oracle import log as told
from oracle import playbooks as books
from oracle.choosing import Asked, Happening
from oracle.log import Event, Record

Row = dict[str, Any]
Window = tuple[int, int]

_ORGANISED = {
    f"organisation.{name}.v1"
    for name in ("team-formed", "person-joined", "person-moved", "person-left", "role-granted", "role-revoked", "absence-noted", "absence-ended", "skills-set")
}  # fmt: skip
_ENTERING = {"record.opened.v1", "record.owner-changed.v1", "record.fields-changed.v1", "record.stage-changed.v1"}  # fmt: skip


def happening(event: Event) -> Happening:
    """What a pool did, as it was recorded; it may get another version in another world."""
    payload, what = event["payload"], event["topic"].removeprefix("pool.").removesuffix(".v1")
    return {
        "what": what, "pool": event["stream"].partition("/")[2], "record": payload["record"], "person": payload.get("person"),
        "rule": payload.get("rule"), "attempt": payload.get("attempt"), "fallback": payload.get("fallback", False), "cause": event["cause"],
        "at": event["decided_at"], "position": event["position"], "version": event["version"],
    }  # fmt: skip


def searches(events: list[Event], kind: str, window: Window) -> list[Event]:
    """The recorded searches of a window."""
    return [
        event
        for event in told.upto(events, window[1])
        if event["topic"] == "pool.assigned.v1"
        and event["position"] > window[0]
        and event["payload"]["record"].partition("/")[0] == kind
    ]


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def law(events: list[Event], kind: str, window: Window) -> dict[str, Any]:
    """How many searches come out as recorded, and which do not."""
    found = searches(events, kind, window)
    different = [event["position"] for event in found if not _comes_out(events, kind, event)]
    return {"decisions": len(found), "reproduced": len(found) - len(different), "different": different}


def _comes_out(events: list[Event], kind: str, event: Event) -> bool:
    before = told.upto(events, event["position"] - 1)
    happened = [
        happening(it)
        for it in before
        if it["topic"].startswith("pool.") and it["payload"]["record"].startswith(f"{kind}/")
    ]
    records = told.fold(events, event["cause"])
    asked = Asked(
        event["stream"].partition("/")[2],
        told.fold(before)[event["payload"]["record"]],
        books.version(
            books.versions(events, event["position"]), event["playbook"], event["playbook_version"]
        ),
        choosing.company(events, event["position"] - 1),
        happened,
        records,
        {stream: record["owner"] for stream, record in records.items()},
        event["cause"],
        event["decided_at"],
    )
    payload = event["payload"]
    rule, person, passed_to, candidates = found_by(asked)
    return (rule, person, (person is None and passed_to is not None) or (person is not None and rule is None)) == (
        payload.get("rule"), payload.get("person"), payload.get("fallback", False),
    ) and candidates == payload.get("candidates", [])  # fmt: skip


def found_by(asked: Asked) -> tuple[str | None, str | None, str | None, list[Any]]:
    """The rule, the person, the pool it is passed on to, and everybody who was judged."""
    rule, person, candidates = choosing.chosen(asked)
    if rule is not None:
        return rule, person, None, candidates
    person, passed_to, more = choosing.fallen_back(asked)
    return None, person, passed_to, [*candidates, *more]


# ── a draft ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Draft:
    """The world of a draft: `happened` is what its pools did, `owned` whose records were since when, each as this world has it."""

    def __init__(self, events: list[Event], kind: str, draft: books.Playbook, window: Window) -> None:
        self.events, self.kind, self.draft, self.window = told.upto(events, window[1]), kind, draft, window
        self.published = books.versions(events, window[1])
        self.recorded = searches(events, kind, window)
        self.replaced = {event["position"] for event in self.recorded}
        self.given = {(event["position"] + 1, event["payload"]["record"]) for event in self.recorded if event["payload"].get("person")}  # fmt: skip
        self.happened: list[Happening] = []
        self.owned: list[tuple[int, str, str | None]] = []
        self.seen = 0
        self.clock: datetime | None = None
        self.differs = False
        self.passed: list[tuple[str, int, str]] = []
        self.rows: list[Row] = []
        self.left: list[Event] = []
        self.pools = books.named(draft["document"].get("pools"))
        self.everywhere = sorted(
            {
                name
                for it in (*self.published, draft)
                for name, pool in books.named(it["document"].get("pools")).items()
                if pool["kind"] == kind
            }
        )

    # what happens by itself

    def go_on(self, position: int) -> None:
        """Let everything happen up to a position that the draft has no say in."""
        for event in self.events:
            if not self.seen < event["position"] <= position:
                continue
            if event["topic"].startswith("pool.") and event["payload"]["record"].startswith(f"{self.kind}/"):
                if event["position"] in self.replaced:
                    continue
                it = happening(event)
                if it["what"] in ("returned", "recycled"):
                    it["person"] = self.owner(it["record"])
                    if it["person"] is None:
                        continue
                self.happen(it)
            elif event["stream"].startswith(f"{self.kind}/") and not self.is_replaced(event):
                if event["topic"] == "record.opened.v1":
                    self.owned.append((event["position"], event["stream"], event["payload"].get("owner")))
                if event["topic"] == "record.owner-changed.v1":
                    self.owned.append((event["position"], event["stream"], event["payload"]["after"]))
        self.seen = max(self.seen, position)

    def is_replaced(self, event: Event) -> bool:
        """Whether an owner only changed because of a search the draft makes itself."""
        return (event["position"], event["stream"]) in self.given

    def happen(self, it: Happening) -> None:
        """Let a pool do something, at the next version of its stream."""
        self.happened.append({**it, "version": len(choosing.of(it["pool"], self.happened)) + 1})

    def owner(self, record: str) -> str | None:
        """Whose a record is now."""
        owners = [owner for _, stream, owner in self.owned if stream == record]
        return owners[-1] if owners else None

    def record(self, stream: str, position: int) -> Record | None:
        """A record as the draft reads it, and with the owner it has here."""
        record = told.fold(self.events, position).get(stream)
        if record is None:
            return None
        return books.adopted({**record, "owner": self.owner(stream)}, self.draft, self.published)

    # when somebody is looked for

    def run(self) -> list[Row]:
        """Go through the window; say what became of each search."""
        self.go_on(self.window[0])
        for event in searches(self.events, self.kind, (0, self.window[0])):
            if event["payload"].get("fallback") and event["payload"].get("person") is None:
                before = books.version(self.published, event["playbook"], event["playbook_version"])
                pool = books.named(before["document"]["pools"])[event["stream"].partition("/")[2]]
                self.passed.append((event["payload"]["record"], event["position"], pool["fallback"]["pool"]))
        ticks = self.ticks()
        causes = {event["cause"] for event in self.recorded} | {
            event["position"] for event in self.events if event["position"] > self.window[0]
        }
        for cause in sorted(causes):
            self.left = [event for event in self.recorded if event["cause"] == cause]
            event = next((it for it in self.events if it["position"] == cause), None)
            if event is not None and cause > self.window[0]:
                self.because_of(event)
            while self.left:
                self.search(self.left[0]["payload"]["record"], cause)
            self.pass_on(cause)
            for at, place in ticks:
                if place == cause:
                    self.try_again(self.everywhere, cause, at)
                    self.pass_on(cause)
        return self.rows

    def because_of(self, event: Event) -> None:
        """Search where an event brings a record into a pool, or lets somebody be found for what waits."""
        topic, payload, cause = event["topic"], event["payload"], event["position"]
        if event["stream"].startswith(f"{self.kind}/") and not self.is_replaced(event):
            loses = topic == "record.owner-changed.v1" and payload.get("before") is not None
            if topic in _ENTERING and not (
                topic == "record.owner-changed.v1" and payload["after"] is not None
            ):
                self.search(event["stream"], cause)
            if topic == "record.stage-changed.v1":
                kind = books.kinds(self.draft)[self.kind]
                step = books.steps(kind).get(
                    books.step_as(payload["after"], self.draft, self.published, self.kind)
                )
                loses = step is not None and step["outcome"] != "open"
            if loses:
                rooms = [name for name, pool in self.pools.items() if any(rule.get("capacity") for rule in pool.get("rules") or ())]  # fmt: skip
                self.try_again(sorted(rooms), cause)
        elif topic in _ORGANISED or topic == "playbook.published.v1":
            self.try_again(self.everywhere, cause)

    def try_again(self, pools: list[str], cause: int, at: datetime | None = None) -> None:
        """Search for what waits."""
        for pool in pools:
            for record in choosing.waiting(pool, self.happened):
                if self.owner(record) is None:
                    self.search(record, cause, at)

    def pass_on(self, cause: int) -> None:
        """Search in the pools records were passed on to."""
        while pending := [it for it in self.passed if it[1] == cause and it[1] > self.window[0]]:
            for it in pending:
                self.search(it[0], cause)
                self.passed = [other for other in self.passed if other != it]

    def ticks(self) -> list[tuple[datetime, int]]:
        """The moments at which a day begins, or an absence begins or ends, each with the last event known by then."""
        known = [
            event
            for event in self.events
            if (event["topic"] in _ENTERING and event["stream"].startswith(f"{self.kind}/"))
            or event["topic"].startswith(("organisation.", "pool.", "playbook.published"))
        ]
        inside = [event for event in known if event["position"] > self.window[0]]
        if not inside:
            return []
        first, last = inside[0]["recorded_at"], inside[-1]["recorded_at"]
        zone = ZoneInfo(self.draft["document"].get("time_zone", "UTC"))
        moments = set()
        day = first.astimezone(zone).date()
        while day <= last.astimezone(zone).date():
            moments.add(datetime.combine(day, time(), zone).astimezone(UTC))
            day += timedelta(days=1)
        for event in self.events:
            if event["topic"] == "organisation.absence-noted.v1":
                moments |= {
                    told.moment(event["payload"][name])
                    for name in ("begins", "ends")
                    if event["payload"].get(name)
                }
        return [
            (at, max(event["position"] for event in known if event["recorded_at"] <= at))
            for at in sorted(moments)
            if first < at <= last
        ]

    # one search

    def search(self, record: str, cause: int, at: datetime | None = None) -> None:
        """Search for an owner, where there is one to search for."""
        was = next((event for event in self.left if event["payload"]["record"] == record), None)
        if was is not None:
            self.left.remove(was)
            self.go_on(was["position"] - 1)
            moment = was["decided_at"]
        else:
            self.go_on(cause)
            moment = at or next(it["recorded_at"] for it in self.events if it["position"] == cause)
            moment = moment if self.clock is None else max(moment, self.clock)
        to = [it for it in self.passed if it[:2] == (record, cause)]
        self.passed = [it for it in self.passed if it not in to]
        read = self.record(record, max(self.seen, cause))
        if read is None or (was is None and read["owner"] is not None):
            return
        if was is None:
            in_force = books.for_record(
                books.versions(self.events, self.seen), {**told.fold(self.events, self.seen)[record], "owner": None}, {"people": {}, "teams": {}}, moment,
            )  # fmt: skip
            same = (in_force["document"], in_force["rules"]) == (self.draft["document"], self.draft["rules"])
            if in_force["name"] != self.draft["name"] or (same and not self.differs):
                return
        self.clock = moment
        self.found(read, was, to[0][2] if to else None, cause, moment)

    def found(self, read: Record, was: Event | None, to: str | None, cause: int, at: datetime) -> None:
        """Say what a search finds, and let it happen."""
        record, passed = read["stream"], {event["position"] for event in self.events if event["topic"] == "pool.assigned.v1" and event["payload"].get("fallback") and event["payload"].get("person") is None}  # fmt: skip
        step = books.steps(books.kinds(self.draft)[self.kind]).get(read["stage"])
        pool = to or self.pool_of(read, at)
        if read["owner"] is not None:
            self.say(was, record, at, "owned already")
            return
        if step is not None and step["outcome"] != "open":
            self.say(was, record, at, "ended")
            return
        if was is not None and to is None and cause in passed:
            self.say(was, record, at, "not passed on")
            return
        if pool is None or pool not in self.pools:
            self.say(was, record, at, "no pool")
            return
        entry = [it for it in self.happened if it["pool"] == pool and it["record"] == record and it["what"] == "assigned"]  # fmt: skip
        if cause < choosing.asked_up_to(self.happened) or (entry and entry[-1]["cause"] >= cause) or pool not in self.reached(read, at):  # fmt: skip
            self.say(was, record, at, "not asked again")
            return
        records = {
            stream: books.adopted(it, self.draft, self.published)
            for stream, it in told.fold(self.events, cause).items()
            if it["kind"] == self.kind
        }
        in_order = sorted(self.owned, key=lambda it: it[0])
        owned = {stream: owner for position, stream, owner in in_order if position <= cause}
        org = choosing.company(self.events, self.seen)
        asked = Asked(pool, read, self.draft, org, self.happened, records, owned, cause, at)
        rule, person, passed_to, candidates = found_by(asked)
        waits = choosing.waiting_since(pool, record, self.happened) is not None
        if person is None and passed_to is None and waits:
            self.differs = self.differs or was is not None
            if was is not None:
                self.row(was, record, at, pool, None, None, candidates, None)
            return
        place = cause if was is None else was["position"]
        is_fallback = passed_to is not None or (person is not None and rule is None)
        self.happen(
            {"what": "assigned", "pool": pool, "record": record, "person": person, "rule": rule, "attempt": asked.attempt, "fallback": is_fallback, "cause": cause, "at": at, "position": place, "version": 0}
        )  # fmt: skip
        if person is not None:
            self.owned.append((place + (was is not None), record, person))
        if passed_to is not None:
            self.passed.append((record, place, passed_to))
        before = None if was is None else (was["payload"].get("rule"), was["payload"].get("person"), was["payload"].get("fallback", False), was["payload"].get("candidates", []), was["stream"])  # fmt: skip
        self.differs = self.differs or before != (rule, person, is_fallback, candidates, f"pools/{pool}")
        self.row(was, record, at, pool, person, passed_to, candidates, None)

    def reached(self, read: Record, at: datetime) -> list[str]:
        """The pool a record enters, and those behind it."""
        zone = self.draft["document"].get("time_zone", "UTC")
        found: list[str] = []
        for name, pool in self.pools.items():
            tree = self.draft["rules"].get(f"pools/{name}/when")
            if pool["kind"] == self.kind and (tree is None or choosing.judge(tree, read, at, zone) is True):
                found.append(name)
                break
        while found and (self.pools[found[-1]].get("fallback") or {}).get("pool"):
            found.append(self.pools[found[-1]]["fallback"]["pool"])
        return found

    def pool_of(self, read: Record, at: datetime) -> str | None:
        """The pool a record waits in, else the one it enters."""
        names = self.reached(read, at)
        waits = [name for name in names if choosing.waiting_since(name, read["stream"], self.happened)]
        for name in [*waits, *names][:1]:
            if self.pools[name].get("rules") or self.pools[name].get("fallback"):
                return name
        return None

    # what is said

    def say(self, was: Event | None, record: str, at: datetime, why: str) -> None:
        """A recorded search that would not have been."""
        if was is not None:
            self.differs = True
            self.row(was, record, at, None, None, None, [], why)

    def row(
        self, was: Event | None, record: str, at: datetime, pool: str | None, person: str | None, passed_to: str | None,
        candidates: list[Any], left_out: str | None,
    ) -> None:  # fmt: skip
        """One search beside the other."""
        before, person_was = None, None
        if was is not None:
            person_was = was["payload"].get("person")
            before = person_was or ("nobody" if not was["payload"].get("fallback") else self.passed_by(was))
        would = None if left_out else person or (f"pool {passed_to}" if passed_to else "nobody")
        verdict = "new" if was is None else "gone" if left_out else "unchanged" if before == would else "changed"  # fmt: skip
        self.rows.append(
            {
                "position": None if was is None else was["position"], "record": record, "at": at, "verdict": verdict, "was": before, "would": would,
                "person_was": person_was, "person_would": person, "left_out": left_out, "candidates_would": candidates,
                "name": pool if was is None else was["stream"].partition("/")[2],
            }
        )  # fmt: skip

    def passed_by(self, was: Event) -> str:
        """The pool a recorded search passed a record on to."""
        version = books.version(self.published, was["playbook"], was["playbook_version"])
        return f"pool {books.named(version['document']['pools'])[was['stream'].partition('/')[2]]['fallback']['pool']}"  # fmt: skip


def drafted(events: list[Event], kind: str, draft: books.Playbook, window: Window) -> list[Row]:
    """What a draft would have found, in the order it is asked."""
    return Draft(events, kind, draft, window).run()
