"""The simulated organisation as load, without a service: what is sent, in which order, and what is made of the answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import playbooks
from benchmarks.figures import LoadFigures, percentile
from benchmarks.verdict import judge
from commands.playbook_file import read_playbook
from commands.submission import NOW, Submission
from consumers.simulator.over_http import Address, Fault, Faults, Played, Told, play
from consumers.simulator.over_http.badges import NoToken, OneToken, TokenEach
from consumers.simulator.over_http.delivery import Delivered
from consumers.simulator.over_http.documents import document, with_its_file
from consumers.simulator.over_http.order import waits
from consumers.simulator.over_http.playing import Crew, Step
from consumers.simulator.over_http.requests import Spelling
from consumers.simulator.over_http.telling import GaveUp, Place
from consumers.simulator.real_clock import OnTheRealClock
from domain.organisation.commands import AddPerson, RemovePerson
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook
from domain.playbook.model import Right
from domain.record.commands import (
    AttachEvidence,
    ChangeStage,
    ConfirmFields,
    EditFields,
    OpenRecord,
    Override,
    RecordTouch,
    RestoreFields,
)
from domain.refusals import GateNotMet

COLLECTIONS = {"deal": "deals", "contact": "contacts"}
PLAYBOOK = read_playbook(Path(playbooks.__file__).parent / "smart_hardware.yaml")


def sent(command: Any, key: str = "k1", **more: Any) -> Submission:
    return Submission(
        command=command, client="simulator", key=key, actor="person/per_1", channel="simulator", **more
    )


# Which waits for which


def test_commands_of_one_record_keep_their_order_and_others_go_side_by_side():
    """A deal waits for its customer to be opened, then only for itself."""
    story = [
        OpenRecord("contact/con_1", {}),
        OpenRecord("deal/dea_1", {"who": "contact/con_1"}),
        OpenRecord("deal/dea_2", {}),
        EditFields("contact/con_1", {"name": "x"}),
        RecordTouch("deal/dea_2", "t", "call", contact="contact/con_1"),
        ChangeStage("deal/dea_1", "offer"),
    ]
    assert waits(story) == [frozenset(), {0}, frozenset(), {0}, {2, 0}, {1}]


def test_people_and_rules_are_waited_for_by_all():
    """Nobody acts before they joined or after they left, so such a command stands between what is before and after it."""
    story = [
        AddPerson("person/per_1", "A"),
        OpenRecord("deal/dea_1"),
        OpenRecord("deal/dea_2"),
        RemovePerson("person/per_1"),
        EditFields("deal/dea_1", {}),
    ]
    assert waits(story) == [frozenset(), {0}, {0}, {0, 1, 2}, {3}]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["open", "edit", "join"])), max_size=30))
def test_whatever_the_order_allows_ends_as_the_order_it_was_told_in(story):
    """Any order that respects the waiting has each record's commands, and everybody's joining, where they were."""
    commands: list[Any] = [
        AddPerson(f"person/{name}", "A") if what == "join"
        else OpenRecord(f"deal/{name}") if what == "open" else EditFields(f"deal/{name}", {})
        for name, what in story
    ]  # fmt: skip
    open_ones = {index: set(before) for index, before in enumerate(waits(commands))}
    order: list[int] = []
    while open_ones:
        index = max(index for index, before in open_ones.items() if not before)
        del open_ones[index]
        for before in open_ones.values():
            before.discard(index)
        order.append(index)
    for name in "abc":
        mine = [index for index in order if story[index] in {(name, "open"), (name, "edit")}]
        assert mine == sorted(mine)
    joins = [index for index, (_, what) in enumerate(story) if what == "join"]
    for join in joins:
        assert set(order[: order.index(join)]) == set(range(join))


# What is sent


def test_a_waived_move_goes_to_the_overrides():
    """It says by name what is waived and why; a plain move says none of it."""
    move = ChangeStage("deal/dea_1", "offer", {"amount": "5"}, Override("special", frozenset({"b", "a"})))
    request = Spelling(COLLECTIONS).request(sent(move, reason="because"))
    assert (request.method, request.path) == ("POST", "/v1/deals/dea_1/overrides")
    assert json.loads(request.body) == {
        "to": "offer", "fields": {"amount": "5"}, "name": "special", "waive": ["a", "b"], "reason": "because",
    }  # fmt: skip
    plain = Spelling(COLLECTIONS).request(sent(replace(move, override=None)))
    assert plain.path == "/v1/deals/dea_1/stage-changes"
    assert plain.headers["Idempotency-Key"] == "k1"


def test_an_edit_names_the_version_it_was_made_on():
    """PATCH with If-Match, as the service asks for."""
    request = Spelling(COLLECTIONS).request(sent(EditFields("deal/dea_1", {"a": None})), version=7)
    assert (request.method, request.headers["If-Match"]) == ("PATCH", '"7"')


def test_a_confirmation_names_its_fields_in_order():
    """It is no edit: it names no version, and the same fields are always the same request."""
    request = Spelling(COLLECTIONS).request(sent(ConfirmFields("deal/dea_1", frozenset({"b", "a"}))))
    assert (request.method, request.path) == ("POST", "/v1/deals/dea_1/confirmations")
    assert json.loads(request.body) == {"fields": ["a", "b"]}
    assert "If-Match" not in request.headers


def test_a_publication_names_its_replay():
    """Where there is one; a publication without it is spelled as it always was."""
    named = PublishDraft(name="p", draft=2, replay="rep_1")
    told = json.loads(Spelling(COLLECTIONS).request(sent(named)).body)
    assert (told["draft"], told["replay"]) == (2, "rep_1")
    assert "replay" not in json.loads(Spelling(COLLECTIONS).request(sent(replace(named, replay=None))).body)


def test_evidence_is_sent_as_its_file():
    """What is said of it, digest and size, is that of the bytes that go out; another piece has other bytes."""
    piece = with_its_file(
        AttachEvidence("deal/dea_1", "evi_1", "scan", "0" * 64, 1, "application/pdf", "扫描.pdf")
    )
    request = Spelling(COLLECTIONS).request(sent(piece))
    assert request.body == document("evi_1") != document("evi_2")
    assert (piece.size_bytes, request.headers["Content-Type"]) == (len(request.body), "application/pdf")
    assert request.path.startswith("/v1/deals/dea_1/evidence?id=evi_1&field=scan&file_name=%E6")


def test_what_has_no_request_is_refused():
    """A playbook is published as a draft, and waiving whatever is unmet is for imports."""
    for command in (PublishPlaybook(PLAYBOOK), ChangeStage("deal/d", "offer", {}, Override("all"))):
        with pytest.raises(ValueError, match=r"there is no request|only an import"):
            Spelling(COLLECTIONS).request(sent(command))


def test_people_show_a_token_of_their_own_or_are_named_by_the_programs():
    """A token is made once for an actor and its rights; a delegate names people, never the system's own parts."""
    made: list[tuple[str, frozenset[Right]]] = []

    def make(actor: str, rights: frozenset[Right]) -> str:
        made.append((actor, rights))
        return f"token-of-{actor}"

    each, one, by_operator = TokenEach(make), OneToken("t"), replace(sent(None), actor="system/operator")
    assert (
        each.headers(sent(None))
        == each.headers(sent(None))
        == {"Authorization": "Bearer token-of-person/per_1"}
    )
    assert made == [("person/per_1", frozenset())]
    assert one.headers(sent(None)) == {"Authorization": "Bearer t", "On-Behalf-Of": "person/per_1"}
    assert one.headers(by_operator) == {"Authorization": "Bearer t"}
    assert NoToken().headers(sent(None)) == {}


# The same story on a real clock


def test_on_the_real_clock_everything_happens_now_and_a_playbook_is_a_draft_first():
    """No time is told; the publication names the number its draft got, wherever that stands in its stream."""
    heard: list[Submission] = []

    class Bus:
        def submit_batch(self, submissions: Any) -> list[Told]:
            heard.extend(submissions)
            return [Told("accepted", [Place(9, 4)], draft=2) for _ in submissions]

    piece = AttachEvidence("deal/d", "evi_1", "scan", "0" * 64, 1, "application/pdf")
    story = [
        sent(OpenRecord("deal/d"), "1", occurred_at=None),
        sent(PublishPlaybook(PLAYBOOK), "2"),
        sent(piece, "3"),
    ]
    answers = OnTheRealClock(Bus()).submit_batch(story)
    assert len(answers) == 3
    assert [type(it.command) for it in heard] == [OpenRecord, DraftPlaybook, PublishDraft, AttachEvidence]
    assert [it.key for it in heard] == ["1", "2-draft", "2", "3"]
    assert heard[2].command.draft == 2
    assert heard[3].command == with_its_file(piece)
    assert all(it.told_time is None and it.occurred_at is NOW for it in heard)


# Faults


def test_a_command_meets_the_same_fate_each_time():
    """The fate follows from the seed and the key; about as many as were asked for meet one, of every kind."""
    faults, others = Faults(0.1, seed=1), Faults(0.1, seed=2)
    keys = [f"7-{number:06d}" for number in range(3_000)]
    fates = [faults.of(key) for key in keys]
    assert fates == [Faults(0.1, seed=1).of(key) for key in keys]
    assert fates != [others.of(key) for key in keys]
    assert 200 < sum(fate is not None for fate in fates) < 400
    assert {fate.fault for fate in fates if fate} == set(Fault)
    assert not any(Faults(0.0).of(key) for key in keys)


@pytest.mark.parametrize("wrong", [{"share": 1.1}, {"share": -0.1}, {"kinds": ()}])
def test_impossible_faults_are_refused(wrong):
    """A share lies between nothing and everything."""
    with pytest.raises(ValueError, match="share of faults"):
        Faults(**wrong)


# On the wire: a service of a few lines that misbehaves as it is told


Behaviour = Callable[[int, bytes, asyncio.StreamWriter], Awaitable[None]]


def told_by(behaviour: Behaviour, steps: list[Step], **crew: Any) -> tuple[list[Played], list[bytes]]:
    """Play steps against a service that does with its n-th request what it is told to."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                requests.append(head + await reader.readexactly(length))
                await behaviour(len(requests), head, writer)
                await writer.drain()
        except (EOFError, ConnectionError):
            return
        finally:
            writer.close()

    async def tell() -> list[Played]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        team = Crew(address, Spelling(COLLECTIONS), NoToken(), **{"concurrency": 1} | crew)
        try:
            return await play(team, steps)
        finally:
            await team.close()
            server.close()

    return asyncio.run(tell()), requests


def reply(writer: asyncio.StreamWriter, status: int, body: Any, **headers: str) -> None:
    raw = json.dumps(body).encode()
    told = {"Content-Length": str(len(raw))} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in told.items())
    writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + raw)


def accepted(version: int = 1, position: int = 5) -> dict[str, Any]:
    place = {"position": position, "version": version, "stream": "deal/d", "topic": "t", "recorded_at": ""}
    return {"outcome": "accepted", "position": position, "version": version, "events": [place]}


def keys_of(requests: list[bytes]) -> list[bytes]:
    return [raw.partition(b"Idempotency-Key: ")[2].split(b"\r\n")[0] for raw in requests]


def test_what_was_not_answered_is_sent_again_with_the_same_key():
    """The connection breaks, the service is busy, is overloaded, then answers: one command, one key."""

    async def behave(number: int, _: bytes, writer: asyncio.StreamWriter) -> None:
        match number:
            case 1:
                writer.transport.abort()
            case 2:
                reply(writer, 409, {"code": "too-busy"}, Retry_After="0")
            case 3:
                reply(writer, 503, {"code": "overloaded"}, Retry_After="0")
            case 4:
                reply(writer, 429, {"code": "rate-limited"}, Retry_After="0")
            case _:
                reply(writer, 201, accepted(), Idempotency_Replayed="true")

    (played,), requests = told_by(behave, [Step(sent(OpenRecord("deal/d")))])
    assert (played.told.outcome, played.told.replayed, played.attempts) == ("accepted", True, 5)
    assert keys_of(requests) == [b"k1"] * 5


def test_a_refusal_is_told_as_the_bus_tells_it():
    """The unmet requirements come with their ids, and the event of the refusal with its position."""
    unmet = [{"id": "field:amount", "kind": "field", "label": "Amount", "why": None, "field": "amount"}]

    async def behave(_: int, __: bytes, writer: asyncio.StreamWriter) -> None:
        reply(writer, 422, {"code": "gate-not-met", "unmet": unmet, "position": 8})

    (played,), _ = told_by(behave, [Step(sent(ChangeStage("deal/d", "offer")))])
    refusal = played.told.refusal
    assert isinstance(refusal, GateNotMet)
    assert (refusal.to_stage, [item.id for item in refusal.unmet]) == ("offer", ["field:amount"])
    assert [place.position for place in played.told.events] == [8]


def test_what_nobody_can_work_off_has_failed_and_says_so():
    """Another 422, or a 500, is no refusal of a gate; the problem is kept."""

    async def behave(number: int, _: bytes, writer: asyncio.StreamWriter) -> None:
        reply(
            writer,
            422 if number == 1 else 500,
            {"code": "invalid-command" if number == 1 else "internal-error"},
        )

    played, requests = told_by(
        behave, [Step(sent(OpenRecord("deal/d"))), Step(sent(OpenRecord("deal/e"), "k2"))]
    )
    assert [it.told.outcome for it in played] == ["failed", "failed"]
    assert [getattr(it.told.error, "code", None) for it in played] == ["invalid-command", "internal-error"]
    assert len(requests) == 2


def test_patience_ends():
    """A service that never has time is given up, and the command counts as failed."""

    async def behave(_: int, __: bytes, writer: asyncio.StreamWriter) -> None:
        reply(writer, 503, {"code": "overloaded"}, Retry_After="10")

    (played,), _ = told_by(behave, [Step(sent(OpenRecord("deal/d")))], patience_seconds=1.0)
    assert isinstance(played.told.error, GaveUp)


def test_an_edit_of_a_record_that_moved_on_is_made_on_the_version_that_is_there():
    """412 says which version there is; what is answered says the next one."""

    async def behave(number: int, _: bytes, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            reply(writer, 412, {"code": "stale-version", "current_version": 3, "changes": []})
        else:
            reply(writer, 200, accepted(version=number + 2))

    edits = [Step(sent(EditFields("deal/d", {"a": str(n)}), f"k{n}")) for n in (1, 2)]
    played, requests = told_by(behave, edits)
    tags = [raw.partition(b"If-Match: ")[2].split(b"\r\n")[0] for raw in requests]
    assert tags == [b'"0"', b'"3"', b'"4"']
    assert [it.told.version for it in played] == [4, 5]


def test_each_fault_happens_once_and_the_command_is_sent_again():
    """Dropped and killed requests are repeated, a duplicated one goes out twice, a delayed one arrives whole."""

    async def behave(number: int, _: bytes, writer: asyncio.StreamWriter) -> None:
        reply(writer, 201, accepted(), **({"Idempotency_Replayed": "true"} if number > 1 else {}))

    for kind, wanted in ((Fault.dropped, 2), (Fault.duplicated, 2), (Fault.delayed, 1)):
        faults = Faults(1.0, kinds=(kind,), longest_seconds=0.02)
        (played,), requests = told_by(behave, [Step(sent(OpenRecord("deal/d")))], faults=faults)
        assert (played.told.outcome, played.fault, len(requests)) == ("accepted", kind, wanted)
        assert set(keys_of(requests)) == {b"k1"}
    killed = Faults(1.0, kinds=(Fault.killed,), longest_seconds=0.02)
    (played,), requests = told_by(behave, [Step(sent(OpenRecord("deal/d")))], faults=killed)
    assert (played.told.outcome, played.attempts, len(requests)) == ("accepted", 2, 1)


def test_two_answers_to_one_key_that_differ_are_a_failure():
    """The same sent twice at a time has to be told the same, and not twice that it was new."""

    async def other_place(number: int, _: bytes, writer: asyncio.StreamWriter) -> None:
        reply(writer, 201, accepted(position=number), Idempotency_Replayed="true")

    async def both_first(_: int, __: bytes, writer: asyncio.StreamWriter) -> None:
        reply(writer, 201, accepted())

    faults = Faults(1.0, kinds=(Fault.duplicated,))
    for behave in (other_place, both_first):
        (played,), _ = told_by(behave, [Step(sent(OpenRecord("deal/d")))], faults=faults)
        assert played.told.outcome == "failed"
        assert type(played.told.error).__name__ == "AnsweredDifferently"


# Playing by a plan


class Stalling:
    """A messenger who takes long over the first command, and no time over the others."""

    def __init__(self) -> None:
        self.delivered: list[Submission] = []

    async def deliver(self, submission: Submission, _: int) -> Delivered:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if not self.delivered:
            await asyncio.sleep(0.06)
        self.delivered.append(submission)
        events = [Place(100 + len(self.delivered), len(self.delivered))]
        draft = 3 if isinstance(submission.command, DraftPlaybook) else None
        return Delivered(Told("accepted", events, draft=draft), began, loop.time(), 1)

    async def close(self) -> None:
        pass


def played_by(messenger: Any, steps: list[Step], rate: float | None) -> list[Played]:
    async def tell() -> list[Played]:
        crew = Crew(Address("nowhere", 1), Spelling(COLLECTIONS), NoToken(), concurrency=1)
        crew.messengers = [messenger]
        return await play(crew, steps, rate=rate)

    return asyncio.run(tell())


def test_a_stall_counts_for_everybody_it_kept_waiting():
    """Latency counts from the plan: five commands that were due meanwhile are late, although each was answered at once."""
    steps = [Step(sent(OpenRecord(f"deal/d{n}"), f"k{n}")) for n in range(6)]
    played = played_by(Stalling(), steps, rate=1_000.0)
    assert [it.due_at for it in played] == [n / 1_000 for n in range(6)]
    assert all(it.latency >= 0.05 for it in played)
    assert all(it.sent_at >= 0.06 for it in played[1:])


def test_a_story_names_the_changes_and_drafts_of_the_log_it_is_played_to():
    """Positions and numbers of the rehearsal are replaced by those that were answered."""
    steps = [
        Step(sent(DraftPlaybook(PLAYBOOK), "1")),
        Step(sent(PublishDraft(name="smart_hardware", draft=77), "2"), refers_to=0),
        Step(sent(EditFields("deal/d", {"a": "1"}), "3")),
        Step(sent(RestoreFields("deal/d", 4_711), "4"), refers_to=2),
    ]
    messenger = Stalling()
    played_by(messenger, steps, rate=None)
    assert messenger.delivered[1].command.draft == 3
    assert messenger.delivered[3].command.change == 103


# Figures and the verdict


def test_percentiles_are_values_that_occurred():
    """Nearest rank: half of ten values are not above the fifth; 99 % of a hundred not above the 99th."""
    assert [percentile(range(1, 11), share) for share in (0.5, 0.95, 1.0)] == [5, 10, 10]
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([], 0.5) == 0.0


def a_played(key: str, *places: Place, outcome: Any = "accepted", **more: Any) -> Played:
    return Played(
        sent(OpenRecord("deal/d"), key), Told(outcome, places, **more), 0.0, 0.0, 0.5, attempts=2, fault=Fault.dropped
    )  # fmt: skip


def an_event(position: int, command: str, version: int = 1) -> dict[str, Any]:
    return {"position": position, "command_id": command, "stream": "deal/d", "version": version, "topic": "t"}


def test_figures_count_what_was_answered():
    """Outcomes, replays, what was sent again, and the faults by name."""
    figures = LoadFigures.of(
        [a_played("a", replayed=True), a_played("b", outcome="refused"), a_played("c", outcome="failed")]
    )
    assert (figures.commands, figures.accepted, figures.refused, figures.failed) == (3, 1, 1, 1)
    assert (figures.replayed, figures.retries, figures.faults) == (1, 3, {"dropped": 3})
    assert figures.latency_ms["p50"] == 500.0


GOOD = [a_played("a", Place(2, 1, "deal/d", "t")), a_played("b", Place(3, 2, "deal/d", "t"))]
LOG = [an_event(2, "cmd_a"), an_event(3, "cmd_b", 2)]


def test_answers_that_are_true_are_found_good():
    """Each acknowledged event stands where it was said to."""
    assert judge(GOOD, LOG, alone=True).is_good


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (LOG[:1], "not in the log"),
        ([*LOG, an_event(4, "cmd_a", 3)], "more events than was told"),
        ([*LOG, an_event(4, "cmd_x", 3)], "no acknowledged command"),
        ([LOG[0], an_event(3, "cmd_b", 9)], "not what was acknowledged"),
        ([LOG[0], an_event(3, "cmd_a", 2)], "share their events"),
    ],
    ids=["lost", "twice", "unheard", "elsewhere", "shared"],
)
def test_answers_that_are_not_true_are_found_out(events, said):
    """Lost, applied twice, applied without an answer, put elsewhere, one event for two commands: each is named."""
    verdict = judge(GOOD, events, alone=True)
    assert not verdict.is_good
    assert said in " ".join(verdict.problems)


def test_one_event_for_two_answers_is_found_out():
    """Two commands cannot have been one."""
    both = [a_played("a", Place(2)), a_played("b", Place(2))]
    assert any("several commands" in problem for problem in judge(both, LOG[:1], alone=True).problems)


def test_others_may_write_beside():
    """On a service that is shared, events of commands nobody here sent are nobody's concern here."""
    assert judge(GOOD, [*LOG, an_event(4, "cmd_x", 3)], alone=False).is_good
