"""What can be asked about the work of a record over HTTP: work items, forks and approvals."""

from commands.http import work_bodies as bodies
from commands.http.record_action import RecordAction, id_of
from domain.work.commands import (
    AcceptWork,
    CancelWork,
    CommentApproval,
    CompleteWork,
    DecideApproval,
    DeclineWork,
    ForkWork,
    MigrateApproval,
    PauseWork,
    ReassignWork,
    RecallApproval,
    RequestApproval,
    RequestWork,
    RescheduleWork,
    RespondToWork,
    ResumeWork,
    TickWork,
)


def _request(stream: str, body: bodies.WorkRequest, _: str) -> RequestWork:
    return RequestWork(
        stream,
        body.id or "",
        body.template,
        assignee=body.assignee,
        title=body.title,
        due_at=body.due_at,
        priority=body.priority,
        fork=body.fork,
        leg=body.leg,
    )


def _fork(stream: str, body: bodies.ForkStart, _: str) -> ForkWork:
    return ForkWork(
        stream,
        body.id or "",
        body.name,
        assignees=body.assignees,
        title=body.title,
        due_at=body.due_at,
        priority=body.priority,
    )


def _respond(stream: str, body: bodies.WorkResponse, work: str) -> RespondToWork:
    return RespondToWork(stream, work, body.note)


def _tick(stream: str, body: bodies.WorkTick, work: str) -> TickWork:
    return TickWork(stream, work, body.item, body.evidence)


def _pause(stream: str, body: bodies.WorkPause, work: str) -> PauseWork:
    return PauseWork(stream, work, body.waiting_for)


def _reassign(stream: str, body: bodies.WorkHandOver, work: str) -> ReassignWork:
    return ReassignWork(stream, work, body.to)


def _reschedule(stream: str, body: bodies.WorkRescheduling, work: str) -> RescheduleWork:
    return RescheduleWork(stream, work, body.due_at)


def _complete(stream: str, body: bodies.WorkCompletion, work: str) -> CompleteWork:
    return CompleteWork(stream, work, body.fields)


def _request_approval(stream: str, body: bodies.ApprovalRequest, _: str) -> RequestApproval:
    return RequestApproval(stream, body.id or "", body.chain, body.approvers)


def _decide(stream: str, body: bodies.ApprovalDecision, approval: str) -> DecideApproval:
    return DecideApproval(
        stream,
        approval,
        body.decision,
        level=body.level,
        role=body.role,
        back_to=body.back_to,
        comment=body.comment,
    )


def _comment(stream: str, body: bodies.ApprovalComment, approval: str) -> CommentApproval:
    return CommentApproval(stream, approval, body.comment)


def _migrate(stream: str, body: bodies.ApprovalMigration, approval: str) -> MigrateApproval:
    return MigrateApproval(stream, approval, body.approvers)


_OF_WORK, _OF_APPROVAL = "/work/{work_id}", "/approvals/{approval_id}"

REQUEST_WORK = RecordAction(
    "request_work",
    "Ask something of a person",
    bodies.WorkRequest,
    _request,
    "/work",
    made=id_of("work"),
    makes="work",
)
ACCEPT_WORK = RecordAction(
    "accept_work",
    "Take work on",
    bodies.WorkStep,
    lambda stream, _, work: AcceptWork(stream, work),
    _OF_WORK + "/acceptances",
    part="work",
    by_person=True,
)
RESPOND_TO_WORK = RecordAction(
    "respond_to_work",
    "Give an answer to go on with",
    bodies.WorkResponse,
    _respond,
    _OF_WORK + "/responses",
    part="work",
    by_person=True,
)
TICK_WORK = RecordAction(
    "tick_work",
    "Tick an item of the checklist",
    bodies.WorkTick,
    _tick,
    _OF_WORK + "/ticks",
    part="work",
    by_person=True,
)
PAUSE_WORK = RecordAction(
    "pause_work",
    "Say that it waits for somebody else",
    bodies.WorkPause,
    _pause,
    _OF_WORK + "/pauses",
    part="work",
    by_person=True,
)
RESUME_WORK = RecordAction(
    "resume_work",
    "Say that it can go on",
    bodies.WorkStep,
    lambda stream, _, work: ResumeWork(stream, work),
    _OF_WORK + "/resumptions",
    part="work",
    by_person=True,
)
REASSIGN_WORK = RecordAction(
    "reassign_work",
    "Give work to somebody else",
    bodies.WorkHandOver,
    _reassign,
    _OF_WORK + "/reassignments",
    part="work",
)
RESCHEDULE_WORK = RecordAction(
    "reschedule_work",
    "Let work be due at another moment",
    bodies.WorkRescheduling,
    _reschedule,
    _OF_WORK + "/reschedulings",
    part="work",
)
COMPLETE_WORK = RecordAction(
    "complete_work",
    "Say that work is done, with its form",
    bodies.WorkCompletion,
    _complete,
    _OF_WORK + "/completions",
    part="work",
    by_person=True,
)
DECLINE_WORK = RecordAction(
    "decline_work",
    "Say that one will not do it",
    bodies.WorkRefusal,
    lambda stream, _, work: DeclineWork(stream, work),
    _OF_WORK + "/declines",
    part="work",
    by_person=True,
)
CANCEL_WORK = RecordAction(
    "cancel_work",
    "Take a request for work back",
    bodies.WorkRefusal,
    lambda stream, _, work: CancelWork(stream, work),
    _OF_WORK + "/cancellations",
    part="work",
)
FORK_WORK = RecordAction(
    "fork_work",
    "Start all legs of a fork at once",
    bodies.ForkStart,
    _fork,
    "/forks",
    made=id_of("fork"),
    makes="fork",
)
REQUEST_APPROVAL = RecordAction(
    "request_approval",
    "Ask for agreement",
    bodies.ApprovalRequest,
    _request_approval,
    "/approvals",
    made=id_of("approval"),
    makes="approval",
    by_person=True,
)
COMMENT_APPROVAL = RecordAction(
    "comment_approval",
    "Say something about an approval",
    bodies.ApprovalComment,
    _comment,
    _OF_APPROVAL + "/comments",
    part="approval",
)
DECIDE_APPROVAL = RecordAction(
    "decide_approval",
    "Approve or reject",
    bodies.ApprovalDecision,
    _decide,
    _OF_APPROVAL + "/decisions",
    part="approval",
    by_person=True,
)
MIGRATE_APPROVAL = RecordAction(
    "migrate_approval",
    "Let a running approval go on under the version in force",
    bodies.ApprovalMigration,
    _migrate,
    _OF_APPROVAL + "/migrations",
    part="approval",
)
RECALL_APPROVAL = RecordAction(
    "recall_approval",
    "Take a request for agreement back",
    bodies.WorkStep,
    lambda stream, _, approval: RecallApproval(stream, approval),
    _OF_APPROVAL + "/recalls",
    part="approval",
    by_person=True,
)

WORK_ACTIONS = (
    REQUEST_WORK,
    ACCEPT_WORK,
    RESPOND_TO_WORK,
    TICK_WORK,
    PAUSE_WORK,
    RESUME_WORK,
    REASSIGN_WORK,
    RESCHEDULE_WORK,
    COMPLETE_WORK,
    DECLINE_WORK,
    CANCEL_WORK,
    FORK_WORK,
    REQUEST_APPROVAL,
    COMMENT_APPROVAL,
    DECIDE_APPROVAL,
    MIGRATE_APPROVAL,
    RECALL_APPROVAL,
)
"""Every command about the work of a record, in the order one would try them out."""
