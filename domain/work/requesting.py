"""Decisions to ask: for one thing, or for several at once."""

from datetime import datetime

from domain.event import Event
from domain.facts import Facts
from domain.naming import MAX_ID, REACTIONS_ACTOR, nearest
from domain.playbook.published import PublishedPlaybook
from domain.record.edits import subject_of
from domain.record.problems import refuse_if, text_problems, unknown
from domain.record.state import Record
from domain.refusals import Problem, unknown_name
from domain.values import Private, moment_text
from domain.work.commands import ForkWork, RequestWork
from domain.work.doing import role_of
from domain.work.events import WorkForked, WorkRequested
from domain.work.items import item_of, new_id_problems, template_problems
from domain.work.people import holder_of
from domain.work.state import ForkedWork, joined

MAX_TITLE = 400
HIGHEST_PRIORITY = 9
_LONGEST_FORK = MAX_ID - 10
"""Ids of legs are made of the fork's, which leaves room for their number."""
_MOST_TOLD = 3
"""How many open legs a refusal names."""


def request_work(
    record: Record, command: RequestWork, facts: Facts, playbook: PublishedPlaybook
) -> list[Event]:
    """Ask one thing of one person."""
    kind = playbook.kind(record.kind)
    problems = new_id_problems(command.work, record.work, "work item")
    problems += template_problems(kind, command.template, "/template")
    problems += _about_all(command.title, command.due_at, command.priority, facts)
    fork, leg_problems = _leg_again(record, command)
    problems += leg_problems
    template = kind.work.get(command.template)
    role = template.role if template is not None else None
    if fork is not None and command.leg is not None and fork.name in kind.forks:
        leg = kind.forks[fork.name].legs.get(command.leg)
        role = role or (leg.role if leg is not None else None)
    elif fork is not None and command.leg is not None and fork.legs.get(command.leg) in record.work:
        # The fork is gone from the playbook: the leg is for whom it was for when it was asked first.
        role = role or role_of(item_of(record, fork.legs[command.leg], facts, playbook))
    if template is not None or command.assignee is not None:
        asked, wrong = holder_of(role, command.assignee, facts, "/assignee")
        problems += wrong
    refuse_if(problems)
    assert asked is not None
    return [
        WorkRequested(
            work=command.work,
            template=command.template,
            assignee=asked.person,
            asked=asked.asked,
            title=_title(command.title, record, playbook),
            fork=command.fork,
            leg=command.leg,
            due_at=None if command.due_at is None else moment_text(command.due_at),
            priority=command.priority,
        )
    ]


def fork_work(record: Record, command: ForkWork, facts: Facts, playbook: PublishedPlaybook) -> list[Event]:
    """Start every leg of a fork: one command, one person a leg. One that still runs is not started again; a reaction leaves it as it is."""
    kind = playbook.kind(record.kind)
    running = _running(record, command.name)
    if running is not None and facts.actor == REACTIONS_ACTOR:
        return []
    problems = new_id_problems(command.fork, record.forks, "fork")
    problems += [] if running is None else [_runs_already(record, running)]
    if len(command.fork) > _LONGEST_FORK:
        problems.append(Problem("/id", f"the id of a fork has at most {_LONGEST_FORK} characters"))
    problems += unknown(command.name, kind.forks, "fork", "/name")
    problems += _about_all(command.title, command.due_at, command.priority, facts)
    fork = kind.forks.get(command.name)
    if fork is None:
        refuse_if(problems)
        raise AssertionError("a fork that is not known is refused")
    for name in command.assignees:
        problems += unknown(name, fork.legs, "leg", f"/assignees/{name}")
    of_legs = {name: work_of_leg(command.fork, number) for number, name in enumerate(fork.legs, start=1)}
    if of_legs.keys() and set(of_legs.values()) & record.work.keys():
        problems.append(Problem("/id", "work items of this record have ids made of this one"))
    requests: list[Event] = []
    for name, leg in fork.legs.items():
        role = kind.work[leg.template].role or leg.role
        asked, wrong = holder_of(role, command.assignees.get(name), facts, f"/assignees/{name}")
        problems += wrong
        if asked is not None:
            requests.append(
                WorkRequested(
                    work=of_legs[name],
                    template=leg.template,
                    assignee=asked.person,
                    asked=asked.asked,
                    title=_title(command.title, record, playbook),
                    fork=command.fork,
                    leg=name,
                    due_at=None if command.due_at is None else moment_text(command.due_at),
                    priority=command.priority,
                )
            )
    refuse_if(problems)
    return [WorkForked(command.fork, command.name, str(fork.join), {**of_legs}), *requests]


def _running(record: Record, name: str) -> ForkedWork | None:
    """The fork of this name that was started and may still join."""
    of_name = (fork for fork in record.forks.values() if fork.name == name)
    return next((fork for fork in of_name if joined(fork, record.work) == "open"), None)


def _runs_already(record: Record, fork: ForkedWork) -> Problem:
    waiting = [
        f"{leg} ({work} of {record.work[work].assignee})"
        for leg, work in fork.legs.items()
        if work in record.work and record.work[work].is_open
    ]
    told = ", ".join(waiting[:_MOST_TOLD])
    more = f" and {len(waiting) - _MOST_TOLD} more" if len(waiting) > _MOST_TOLD else ""
    message = (
        f"{fork.name!r} runs already, as {fork.id}: it waits for {told}{more}; finish or cancel that first"
    )
    return Problem("/name", message, names=(fork.name,))


def work_of_leg(fork: str, number: int) -> str:
    """Make the id of the work of a fork's leg, the legs counted from 1: whoever leaves ids open makes nothing twice."""
    return f"wrk_{fork.removeprefix('frk_')}_{number}"


def _leg_again(record: Record, command: RequestWork) -> tuple[ForkedWork | None, list[Problem]]:
    """A leg is asked again only where it came to nothing: what is done counts, and what is being done is not done twice."""
    if command.fork is None and command.leg is None:
        return None, []
    if command.fork is None or command.leg is None:
        return None, [Problem("/fork", "a leg is named by its fork and its name; both are needed")]
    fork = record.forks.get(command.fork)
    if fork is None:
        message = f"there is no fork {command.fork!r} on this record"
        return None, [unknown_name("/fork", message, command.fork, record.forks)]
    problems = unknown(command.leg, fork.legs, "leg", "/leg")
    before = record.work.get(fork.legs.get(command.leg, ""))
    if before is not None and before.state not in ("declined", "cancelled"):
        problems.append(
            Problem("/leg", f"this leg has its work ({before.id}); cancel it before it is asked again")
        )
    if before is not None and before.template != command.template:
        problems.append(
            Problem(
                "/template",
                "the leg is work of another template",
                nearest(before.template, [before.template]),
            )
        )
    return fork, problems


def past_problems(due_at: datetime | None, facts: Facts) -> list[Problem]:
    """Check that the moment somebody names for work to be done lies ahead."""
    if due_at is None or due_at > facts.decided_at:
        return []
    return [Problem("/due_at", "this moment is past; nobody could be in time")]


def _about_all(title: str | None, due_at: datetime | None, priority: int, facts: Facts) -> list[Problem]:
    problems = text_problems("/title", title, MAX_TITLE)
    problems += past_problems(due_at, facts)
    if not 0 <= priority <= HIGHEST_PRIORITY:
        problems.append(Problem("/priority", f"0 to {HIGHEST_PRIORITY} is expected, higher first"))
    return problems


def _title(title: str | None, record: Record, playbook: PublishedPlaybook) -> Private | None:
    return None if title is None else Private(subject_of(playbook.kind(record.kind), record), title)
