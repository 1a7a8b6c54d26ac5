"""A storm of mutated requests against one tenant, with every law checked on every answer."""

import io
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import structlog
from fastapi.routing import iter_route_contexts

from infra.http.logs import LogStyle, configure
from support.hostile import laws
from support.hostile.examples import Examples, Plain
from support.hostile.mutations import Mutator
from support.hostile.wire import Heard, Sent, Wire
from support.sales import PLAYBOOK

BATCH = 400
AT_ONCE = 4
"""Enough for commands to be appended together and for answers to overtake each other; more only wait for each other's turn."""
A_GENERATION = 2_000
"""After so many requests the examples begin again with new records: the old ones are closed, moved and erased by then."""
COMMANDS = 0.8
"""The share of commands, which have bodies; of the rest, one in twenty asks for a page the description leaves out."""

PLAYBOOK_OF_A_STORM = (
    PLAYBOOK.replace(
        "      note: {type: text, label: {zh: 备注, en: Note}}\n",
        "      note: {type: text, label: {zh: 备注, en: Note}}\n"
        "      phone: {type: phone, label: {zh: 手机, en: Mobile}, lookup: {kind: contact, by: phone, show: [name]}}\n",
    ).replace(
        "    relations:\n      follows",
        """    work:
      check:
        label: {zh: 核对, en: Check}
        role: officer
        respond_within_hours: 2
        fields: {result: {type: text, label: {zh: 结果, en: Result}}}
        requires: [result]
        checklist: {seen: {label: {zh: 看过, en: Seen}}}
      sign:
        label: {zh: 签字, en: Sign}
        done_by_word: true
    forks:
      both:
        label: {zh: 同时, en: At once}
        legs: {checking: {template: check}, signing: {template: sign, role: seller}}
    approvals:
      price:
        label: {zh: 特价, en: Special price}
        levels:
          above: {label: {zh: 上级, en: Manager}, roles: [manager]}
          data: {label: {zh: 会签, en: Together}, roles: [officer, seller]}
    deadlines:
      quiet:
        label: {zh: 三天没人动, en: Nobody touched it for three days}
        on_silence: any
        after_hours: 72
        by: clock
        ladder: [{tell: [owner]}]
    progress:
      offered:
        label: {zh: 谈了价格, en: Talked about the price}
        touch: call
        note_asked: true
        asks: [amount]
    reactions:
      declined:
        label: {zh: 工作被拒绝, en: Work was declined}
        on: {event: work-declined}
        then: [{notify: {tell: [owner], text: {zh: 请换人, en: Ask somebody else}}}]
    relations:
      follows""",
    )
    + """
indices:
  phi:
    label: {zh: 过程健康度, en: Process health}
    kind: deal
    components:
      fresh: {label: {zh: 鲜活度, en: Freshness}, measure: freshness, fields: [amount]}
pools:
  public_pool:
    label: {zh: 公海, en: Public pool}
    kind: deal
    claim: {per_day: 1000000}
"""
)
"""The desk, with a field that is looked up, an index, work of every kind, a deadline, a preset, a reaction, and a pool people help themselves from."""

FOLLOWS = "reaction"
"""The channel of what reactions do."""

HIDDEN = {
    "/docs": "/docs",
    "/docs/{name}": "/docs/start.js",
    "/favicon.ico": "/favicon.ico",
    "/openapi.json": "/openapi.json",
    "/problems": "/problems",
    "/problems/{code}": "/problems/gate-not-met",
}
"""Pages the description leaves out, with an address that has something to show."""


@dataclass(slots=True)
class Record:
    """What a storm has met: which routes answered what, how long the slowest took, and what was written to the log."""

    by_route: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    requests: int = 0
    seconds: float = 0.0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    broken: list[laws.LawBroken] = field(default_factory=list)

    def note(self, sent: Sent, heard: Heard) -> None:
        """Count an answer."""
        self.requests += 1
        self.by_status[heard.status] += 1
        if heard.seconds > 0.2:
            self.slowest = sorted([*self.slowest, (heard.seconds, sent.told()[:400])], reverse=True)[:5]

    def reached(self, status: int | None = None) -> set[tuple[str, str]]:
        """The routes that answered at all, or with a status class."""
        return {
            (method, route)
            for method, route, found in self.by_route
            if status is None or found // 100 == status
        }


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """The log of the server, as JSON lines."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    out = io.StringIO()
    configure(LogStyle.json, out)
    try:
        yield out
    finally:
        structlog.reset_defaults()
        root.handlers = before
        root.setLevel(level)


def routes_of(app: Any) -> set[tuple[str, str]]:
    """Every method and path template of an application."""
    return {
        (method, context.path_format)
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if method != "HEAD"
    }


class Storm:
    """Sends examples, then mutations of them, and keeps a record; `tenant` tells where the log's head is."""

    def __init__(self, app: Any, tenant: Any, document: dict[str, Any], seed: int) -> None:
        self._wire = Wire(app)
        self._tenant = tenant
        self.examples = Examples(document)
        self._mutator = Mutator(seed)
        self._number = 0
        self.record = Record()
        self._generation = 0

    async def walk(self, out: io.StringIO) -> list[tuple[Plain, Heard]]:
        """Send every example as it is: the commands one after another, then the reads and the hidden pages; return the answers."""
        told = await self._begin(out)
        plains = self.examples.reads(generation=self._generation)
        plains += [Plain(path, "GET", address, {}) for path, address in HIDDEN.items()]
        answers = await self._batch(
            [(plain, self._mutator.plainly(plain, self._next())) for plain in plains], out
        )
        return [*told, *zip(plains, answers, strict=True)]

    async def _begin(self, out: io.StringIO) -> list[tuple[Plain, Heard]]:
        """Make the records of a generation: send the examples of its commands, each on what the one before it made."""
        told = []
        for example in self.examples.commands(self._generation):
            plain = self.examples.refreshed(example)
            (heard,) = await self._batch([(plain, self._mutator.plainly(plain, self._next()))], out)
            told.append((plain, heard))
        return told

    async def blow(self, requests: int, out: io.StringIO) -> None:
        """Send mutated requests."""
        began = time.perf_counter()
        done = 0
        while done < requests:
            if done // A_GENERATION >= self._generation:
                self._generation += 1
                self._commands = self.examples.commands(self._generation)
                await self._begin(out)
            size = min(BATCH, requests - done)
            made = [self._made() for _ in range(size)]
            await self._batch(made, out)
            done += size
        self.record.seconds += time.perf_counter() - began

    def _made(self) -> tuple[Plain, Sent]:
        number = self._next()
        random = Random(f"which {number}")
        if random.random() < COMMANDS:
            plain = self.examples.refreshed(random.choice(self._commands))
        elif random.random() < 0.95:
            plain = self.examples.a_read(random, self._generation)
        else:
            name = random.choice(list(HIDDEN))
            plain = Plain(
                name, "GET", name, {part: "gate-not-met" for part in ("code", "name") if part in name}
            )
        return plain, self._mutator.mutated(plain, number)

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _batch(self, made: list[tuple[Plain, Sent]], out: io.StringIO) -> list[Heard]:
        """Send requests and check every law: on each answer, on the log lines, and on the head of the log."""
        before = self._tenant.log.head()
        answers = await self._wire.send_all([sent for _, sent in made], at_once=AT_ONCE)
        after = self._tenant.log.head()
        appended, known = 0, len(self.record.broken)
        for (plain, sent), heard in zip(made, answers, strict=True):
            self.record.note(sent, heard)
            try:
                # What was not there when the batch began may have been too much to wait for, though it was there in the end.
                appended += laws.check(sent, await self._wire.explained(sent, heard), head=before)
            except laws.LawBroken as broken:
                self.record.broken.append(broken)
            self._learn(plain, heard)
        text = out.getvalue()
        failed = [line for line in text.splitlines() if '"unhandled_error"' in line]
        for broken in self.record.broken[known:]:
            broken.add_note("\n".join(line for line in failed if broken.request_id in line))
        for _, sent in made:
            if sent.canary in text:
                line = next(line for line in text.splitlines() if sent.canary in line)
                self.record.broken.append(
                    laws.LawBroken(f"no log line repeats what was sent: {line}", sent, Heard())
                )
        for raw in text.splitlines():
            line = json.loads(raw)
            if line.get("event") == "request":
                self.record.by_route[line["method"], line["route"], line["status"]] += 1
        out.seek(0)
        out.truncate()
        if after - before != appended:
            # What follows by itself is nobody's answer: a reaction comes a moment after its cause.
            after -= sum(it.channel == FOLLOWS for it in self._tenant.log.read(before + 1, after))
        if after - before != appended:
            told = "\n".join(
                f"{heard.status} {heard.body[:300]!r} to {sent.told()}"
                for (_, sent), heard in zip(made, answers, strict=True)
                if sent.method != "GET"
            )
            message = f"the log has {after - before} more events, the answers tell of {appended}"
            self.record.broken.append(laws.LawBroken(f"{message}\n{told[:30_000]}", made[0][1], answers[0]))
        return answers

    def _learn(self, plain: Plain, heard: Heard) -> None:
        if (
            heard.status not in laws.TAKEN
            or heard.media_type != "application/json"
            or not heard.body  # HEAD tells everything but what there is to learn
            or len(heard.body) > 100_000
        ):
            return
        answer = heard.json()
        if plain.is_command:
            self.examples.learn(plain, answer)
        elif isinstance(answer, dict) and isinstance(answer.get("next"), str):
            self.examples.cursors[plain.operation] = answer["next"]
