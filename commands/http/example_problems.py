"""An example of every problem commands are answered with; the application renders them as it renders real ones."""

from collections.abc import Sequence
from datetime import UTC, datetime

from commands.errors import (
    AnsweredRefusal,
    KeyMissing,
    KeyReused,
    LaterChange,
    MalformedBody,
    MalformedRequest,
    MediaTypeRefused,
    StaleVersion,
    TooBusy,
    TooLarge,
    VersionMissing,
)
from commands.evidence import EvidenceUnavailable
from commands.playbook_file import FileProblem, FileRefused
from domain.labels import Label
from domain.playbook.model import Right
from domain.refusals import (
    AlreadyExists,
    GateNotMet,
    InvalidCommand,
    NotAllowed,
    NotFound,
    Problem,
    UnknownActor,
    Unmet,
)

_THEN = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def example_problems() -> Sequence[Exception]:
    """Return an error for each code of the domain and of the write side."""
    scan = Unmet(
        "evidence:red_stamp_scan",
        "evidence",
        Label(zh="红章扫描件", en="Red-stamp scan"),
        Label(zh="盖了章才算立项", en="A project is confirmed by a stamp"),
        "red_stamp_scan",
    )
    return (
        KeyMissing(),
        MalformedBody(),
        MalformedRequest(
            [
                Problem(
                    "/header/Content-Digest",
                    "the file that arrived has another SHA-256 than is stated: send it again",
                )
            ]
        ),
        NotAllowed(Right.waive),
        UnknownActor(),
        NotFound("collection", "oportunities", "opportunities"),
        TooBusy("opportunity/opp_example", 5),
        AlreadyExists("opportunity", "opp_example"),
        StaleVersion(6, 7, [LaterChange("amount", 7, 41, _THEN, "person/per_example")]),
        TooLarge(limit_bytes=1_048_576),
        MediaTypeRefused("application/json"),
        InvalidCommand([Problem("/fields/amout", "there is no such field", "amount")]),
        AnsweredRefusal(GateNotMet("project_confirmed", [scan]), 42, replayed=False),
        KeyReused("example"),
        FileRefused("playbook", [FileProblem(12, 9, "there is no such field", "amount")]),
        VersionMissing(),
        EvidenceUnavailable("the evidence cannot be kept at the moment"),
    )
