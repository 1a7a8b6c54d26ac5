"""The simulated sales organisation, without a database: a bus that only listens."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

import playbooks
from commands.playbook_file import read_playbook
from commands.submission import Answer, Command, Submission
from consumers.simulator import Scenario, SimulationStopped, simulate
from consumers.simulator.desk import kept_draft
from consumers.simulator.over_http.telling import Place
from consumers.simulator.over_http.telling import Told as HttpTold
from consumers.simulator.revision import revised
from consumers.simulator.working_days import days_of, is_working_day, next_working_day
from domain.assigning.commands import PoolCommand
from domain.deadlines.commands import DeadlineCommand
from domain.envelope import Recorded
from domain.event import Event
from domain.events import FieldsChanged, PlaybookDrafted
from domain.inbox.commands import InboxCommand
from domain.indices.commands import CloseIndex
from domain.labels import Label
from domain.organisation.commands import SetSkills, StandInCommand
from domain.playbook.commands import DraftPlaybook, PublishDraft, SignOffReplay
from domain.playbook.model import FieldKind, Right
from domain.reacting.commands import ReactionCommand
from domain.record.commands import (
    AttachEvidence,
    ChangeStage,
    ConfirmFields,
    CorrectTouch,
    EditFields,
    OpenRecord,
    Progress,
    RecordTouch,
    RestoreFields,
)
from domain.refusals import GateNotMet, NotFound, Unmet
from domain.work.commands import ApprovalCommand, WorkCommand

FOLDER = Path(playbooks.__file__).parent
PUBLISHED = read_playbook(FOLDER / "smart_hardware.yaml")
DRAFT = read_playbook(FOLDER / "smart_hardware.stricter-gate.draft.yaml")
A_QUARTER = Scenario(days=90, pace=0.5)


class ListeningBus:
    """Accepts everything and remembers it, except that every ninth move is refused for want of a document."""

    def __init__(self) -> None:
        self.heard: list[Submission] = []
        self.batches: list[int] = []
        self._moves = 0
        self._position = 0
        self._drafts = 0
        self._versions: Counter[str] = Counter()

    def submit_batch(self, submissions: Sequence[Submission]) -> list[Answer]:
        self.heard += submissions
        self.batches.append(len(submissions))
        return [self._answer(submission) for submission in submissions]

    def _answer(self, submission: Submission) -> Answer:
        if isinstance(submission.command, ChangeStage):
            self._moves += 1
            if self._moves % 9 == 0:
                stamp = Unmet(
                    "evidence:red_stamp_scan", "evidence", Label(zh="红章扫描件", en="Red-stamp scan")
                )
                return Answer("refused", refusal=GateNotMet(submission.command.to, [stamp]))
        return Answer("accepted", (self._recorded(submission),))

    def _recorded(self, submission: Submission) -> Recorded:
        """One event, at the next place of the log and of its stream; of a draft alone somebody looks at what it says."""
        assert submission.told_time is not None
        self._position += 1
        stream = getattr(submission.command, "stream", type(submission.command).__name__)
        self._versions[stream] += 1
        event: Event = FieldsChanged({})
        if isinstance(submission.command, DraftPlaybook):
            self._drafts += 1
            event = PlaybookDrafted("smart_hardware", self._drafts, {}, [], "")
        return Recorded(
            stream=stream,
            version=self._versions[stream],
            position=self._position,
            event=event,
            recorded_at=submission.told_time,
            occurred_at=submission.told_time,
            decided_at=submission.told_time,
            basis=0,
            actor=submission.actor,
            channel=submission.channel,
            command_id="",
        )


def told(scenario: Scenario, bus: Any = None) -> list[Submission]:
    bus = bus or ListeningBus()
    simulate(bus, PUBLISHED, scenario)
    return bus.heard


@pytest.fixture(scope="module")
def quarter() -> list[Submission]:
    """Three months of what people do."""
    return told(A_QUARTER)


def test_the_playbook_has_the_eight_stages_and_the_loss():
    """The three stages this business adds stand between the five standard ones."""
    stages = PUBLISHED.kind("opportunity").stages
    labels = [stage.label.zh for stage in stages.values()]
    assert labels[:8] == [
        "线索分配", "需求诊断", "客户立项确认", "POC结果反馈", "定制需求冻结", "已报价", "合同签订", "签约回款",
    ]  # fmt: skip
    assert [stage.outcome for stage in stages.values()] == ["open"] * 7 + ["won", "lost"]
    assert all(stage.why is not None for stage in stages.values())


def test_the_playbook_shows_every_kind_of_field_it_can():
    """Whoever copies this playbook finds an example of nearly every type."""
    used = {field.type for kind in PUBLISHED.document.kinds.values() for field in kind.fields.values()}
    assert used == set(FieldKind) - {FieldKind.datetime}


def test_a_diagnosis_names_exactly_three_pains():
    """The choice with a cardinality is part of the playbook, not of the code."""
    choose = PUBLISHED.kind("opportunity").fields["pains"].choose
    assert choose is not None
    assert (choose.at_least, choose.at_most) == (3, 3)


def test_company_names_are_not_personal_and_contacts_are():
    """What is sealed under whose key follows from the playbook."""
    assert not PUBLISHED.kind("customer").fields["name"].is_personal
    contact = PUBLISHED.kind("contact")
    assert contact.subject == "self"
    assert {name for name, field in contact.fields.items() if field.is_personal} == {"name", "phone", "email"}
    assert PUBLISHED.kind("opportunity").subject == "customer"


def test_rights_lie_with_roles():
    """Only a manager waives; only sales operations publishes, organises, imports and erases; nobody skips."""
    rights = {name: set(role.rights) for name, role in PUBLISHED.document.roles.items()}
    assert rights == {
        "sales": set(),
        "presales": set(),
        "sales_manager": {Right.waive},
        "sales_operations": set(Right) - {Right.waive, Right.skip},
        **{role: set() for role in ("engineer", "legal", "finance", "risk_officer", "sales_vp")},
    }


def test_the_draft_differs_in_one_gate_and_in_how_phi_is_weighed():
    """A replay of the draft shows the effect of one decision about deals and of one about the index, not of several.

    It differs so from what is in force at the end of the year, and therefore can be published over it as it is.
    """
    published, draft = revised(PUBLISHED, "opportunity").document, DRAFT.document
    assert draft.playbook == published.playbook
    stricter = draft.kinds["opportunity"].stages["quoted"]
    before = published.kinds["opportunity"].stages["quoted"]
    assert set(stricter.enter.conditions) - set(before.enter.conditions) == {"budget_known", "visited_twice"}
    opportunity = draft.kinds["opportunity"]
    relaxed = opportunity.model_copy(update={"stages": {**opportunity.stages, "quoted": before}})
    weighed, response = draft.indices["phi"], published.indices["phi"].components["response"]
    weights = {name: component.weight for name, component in weighed.components.items()}
    assert weights == {"penetration": 50, "response": 30, "freshness": 20}
    as_before = {
        name: component.model_copy(
            update={"weight": 1} | ({"baseline_hours": 48} if name == "response" else {})
        )
        for name, component in weighed.components.items()
    }
    assert response.baseline_hours > weighed.components["response"].baseline_hours
    undone = {**draft.indices, "phi": weighed.model_copy(update={"components": as_before})}
    kinds = {**draft.kinds, "opportunity": relaxed}
    assert draft.model_copy(update={"kinds": kinds, "indices": undone}) == published


def test_a_seed_tells_one_story(quarter):
    """The same seed gives the same commands, keys and moments; another seed gives others."""
    assert told(A_QUARTER) == quarter
    assert told(replace(A_QUARTER, seed=7)) != quarter


def test_every_kind_of_command_is_used(quarter):
    """A year in the organisation exercises the whole write side, except what stands by a result that has to be looked at first: nothing here reads."""
    used = {type(submission.command) for submission in quarter}
    every = {command for part in get_args(Command) for command in get_args(part) or (part,)}
    # The year of the demo was lived before work, absences, pools, inboxes, reactions and quick entry: its figures stay those that are told of it.
    later = {
        command
        for part in (
            WorkCommand,
            ApprovalCommand,
            StandInCommand,
            SetSkills,
            PoolCommand,
            DeadlineCommand,
            InboxCommand,
            ReactionCommand,
            Progress,
        )
        for command in get_args(part) or (part,)
    }
    assert used == every - {SignOffReplay, CloseIndex} - later


def test_time_goes_forward_within_the_scenario(quarter):
    """Moments never go back, every day is a working day, and nothing happens after it was told."""
    moments = [submission.told_time for submission in quarter]
    assert moments == sorted(moments)
    days = {(moment + timedelta(hours=8)).date() for moment in moments}
    assert days <= set(days_of(A_QUARTER))
    assert all(is_working_day(day) for day in days)
    happened = [(it.occurred_at, it.told_time) for it in quarter if isinstance(it.occurred_at, datetime)]
    assert happened
    assert all(occurred <= told_at for occurred, told_at in happened)


def test_calls_are_often_written_down_in_the_evening(quarter):
    """Event time and record time differ for a part of the touches, never by more than a day."""
    late = [
        it for it in quarter if isinstance(it.command, RecordTouch) and isinstance(it.occurred_at, datetime)
    ]
    touches = [it for it in quarter if isinstance(it.command, RecordTouch)]
    assert 0.05 < len(late) / len(touches) < 0.5
    assert all(it.told_time - it.occurred_at < timedelta(days=1) for it in late)


def test_keys_are_used_once_and_people_act_as_themselves(quarter):
    """Only the operator has rights of its own; everybody else has those of their roles."""
    keys = Counter(submission.key for submission in quarter)
    assert max(keys.values()) == 1
    assert {it.client for it in quarter} == {it.channel for it in quarter} == {"simulator"}
    operator = [it for it in quarter if it.actor == "system/operator"]
    assert all(it.rights == frozenset(Right) for it in operator)
    others = [it for it in quarter if it.actor != "system/operator"]
    assert all(it.actor.startswith("person/per_") and not it.rights for it in others)


def test_a_refused_move_is_worked_off(quarter):
    """The bus asked for a stamp it never had asked for before; people attach one and come again."""
    stamps = [
        it
        for it in quarter
        if isinstance(it.command, AttachEvidence) and it.command.field == "red_stamp_scan"
    ]
    assert max(Counter(it.command.stream for it in stamps).values()) > 1


def test_what_was_written_wrong_is_put_right_with_a_reason(quarter):
    """A note is corrected, a touch on the wrong deal withdrawn and booked on the right one, an amount brought back by the manager."""
    corrections = [it for it in quarter if isinstance(it.command, CorrectTouch)]
    noted = {it.command.touch: it for it in quarter if isinstance(it.command, RecordTouch)}
    assert {it.command.withdrawn for it in corrections} == {True, False}
    assert all(it.reason and it.told_time > noted[it.command.touch].told_time for it in corrections)
    withdrawn = [noted[it.command.touch].command for it in corrections if it.command.withdrawn]
    again = {it.command.note: it.command.stream for it in noted.values() if it.reason}
    assert all(again[touch.note] != touch.stream for touch in withdrawn)
    owners = {it.command.stream: it.command.owner for it in quarter if isinstance(it.command, OpenRecord)}
    restored = [it for it in quarter if isinstance(it.command, RestoreFields)]
    assert restored
    assert all(it.reason and it.actor != owners[it.command.stream] for it in restored)


def test_the_change_of_the_playbook_is_drafted_before_it_is_published(quarter):
    """What is published in the middle of the year is the draft that was kept, and leads come from its new source."""
    drafted = next(it for it in quarter if isinstance(it.command, DraftPlaybook))
    published = next(it for it in quarter if isinstance(it.command, PublishDraft))
    assert drafted.told_time < published.told_time
    assert published.command.draft == 1
    sources = drafted.command.playbook.kind("opportunity").fields["source"].options
    assert set(sources) - set(PUBLISHED.kind("opportunity").fields["source"].options) == {"livestream"}
    from_it = [
        it.told_time
        for it in quarter
        if isinstance(it.command, OpenRecord) and it.command.fields.get("source") == "livestream"
    ]
    assert from_it
    assert min(from_it) > published.told_time


def test_a_draft_is_published_by_its_number_wherever_it_stands_in_its_stream():
    """Sign-offs of replays stand between drafts, so the third event of their stream may be the first draft."""

    class SignedBefore(ListeningBus):
        def __init__(self) -> None:
            super().__init__()
            self._versions["DraftPlaybook"] = 2

    published = next(it for it in told(A_QUARTER, SignedBefore()) if isinstance(it.command, PublishDraft))
    assert published.command.draft == 1


def test_an_answer_of_the_service_tells_the_number_of_the_draft():
    """Over HTTP the number stands beside the events, and an answer without one is no kept draft."""
    assert kept_draft(HttpTold("accepted", [Place(9, version=4)], draft=2)) == 2
    with pytest.raises(SimulationStopped, match="does not tell its number"):
        kept_draft(HttpTold("accepted", [Place(9, version=4)]))


def test_what_still_holds_is_confirmed_at_the_end_of_a_week(quarter):
    """Only fields that were filled in before are confirmed, by whoever answers for the deal, and no deal's are confirmed every week."""
    filled: dict[str, set[str]] = {}
    confirmed: Counter[str] = Counter()
    for it in quarter:
        match it.command:
            case OpenRecord(stream=stream, fields=fields) | EditFields(stream, fields):
                filled.setdefault(stream, set()).update(fields)
            case ChangeStage(stream=stream, fields=fields):
                filled.setdefault(stream, set()).update(fields)
            case ConfirmFields(stream, names):
                confirmed[stream] += 1
                assert names <= filled[stream]
                day = (it.told_time + timedelta(hours=8)).date()
                assert next_working_day(day).isocalendar()[:2] > day.isocalendar()[:2]
    assert len(confirmed) > 5
    assert max(confirmed.values()) < 12


def test_batches_stay_small():
    """Six hundred people join on one morning; never more than five hundred commands go together."""
    bus = ListeningBus()
    told(Scenario(people=600, days=1), bus)
    assert max(bus.batches) == 500


def test_the_pace_scales_how_much_happens(quarter):
    """Twice the pace gives clearly more commands from the same people."""
    assert len(told(replace(A_QUARTER, pace=1.0))) > 1.5 * len(quarter)


def test_an_unexpected_answer_stops_the_story():
    """Whatever no simulated person could work off is told to whoever runs the simulation."""

    class Refusing(ListeningBus):
        def _answer(self, submission: Submission) -> Answer:
            return Answer("refused", refusal=NotFound("person", "person/per_nobody"))

    with pytest.raises(SimulationStopped, match="there is no person"):
        told(A_QUARTER, Refusing())


def test_another_playbook_is_refused():
    """The people of this simulation know one way of selling."""
    other = read_playbook(FOLDER / "examples" / "crm.playbook.yaml")
    bus: Any = ListeningBus()
    with pytest.raises(ValueError, match="smart_hardware"):
        simulate(bus, other, A_QUARTER)


def test_progress_counts_days_up_to_the_last():
    """The last report says that everything is done."""
    seen: list[tuple[int, int]] = []
    bus: Any = ListeningBus()
    simulate(bus, PUBLISHED, Scenario(days=10, pace=0.2), lambda done, total: seen.append((done, total)))
    assert seen == [(day, 10) for day in range(1, 11)]


def test_a_scenario_ends_on_its_last_day():
    """`until` is the last day, not the day after it."""
    days = days_of(Scenario(until=date(2026, 6, 30), days=365))
    assert (days[0], days[-1], len(days)) == (date(2025, 7, 1), date(2026, 6, 30), 365)


@pytest.mark.parametrize("wrong", [{"days": 0}, {"people": 3}, {"pace": 0}])
def test_an_impossible_scenario_is_refused(wrong):
    """An organisation without people sells nothing."""
    with pytest.raises(ValueError, match="a scenario has"):
        Scenario(**wrong)


def test_a_few_people_are_enough():
    """The smallest organisation lives through a year with its leavers and its promotion."""
    heard = told(Scenario(people=12, days=365, pace=0.4))
    assert heard[-1].told_time is not None
    assert heard[-1].told_time > datetime(2026, 6, 29, tzinfo=UTC)
