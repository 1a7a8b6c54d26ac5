"""From a row of what is to be sent to the message: what the record is called goes through the lens, and leaves only where it is nothing personal."""

from urllib.parse import quote

from consumers.telling.message import About, Message
from domain.events import PersonJoined
from domain.naming import ORGANISATION_STREAM, split_stream
from domain.values import is_personal
from projections.concerns import Concerns
from projections.deliveries import Row
from projections.footing import Footing, whole_kind
from projections.notifying import notification_id
from projections.reactions import text_told


def message_of(footing: Footing, row: Row, public_url: str | None) -> Message:
    """Return the message of a row, as things are called now."""
    position = int(row["position"])
    return Message(
        id=notification_id(position, row["person"]),
        person=row["person"],
        position=position,
        topic=row["topic"],
        reason=row["reason"],
        at=row["at"],
        record=row["record"],
        about=None if row["record"] is None else _about(footing, row["record"]),
        url=public_url,
        said=text_told(footing, row["topic"], position),
        concerns=Concerns(footing).at([position])[position],
    )


def address_of(footing: Footing, person: str) -> str | None:
    """Return the e-mail address of somebody who works here; None where there is none, or nobody can read it any more."""
    if not footing.organisation().is_active(person):
        return None
    stored = None
    for recorded in footing.log.stream(ORGANISATION_STREAM):
        if isinstance(recorded.event, PersonJoined) and recorded.event.person == person:
            stored = recorded.event.email
    lens = footing.lens()
    lens.prepare([{"email": stored}])
    opened = lens.opened(ORGANISATION_STREAM, "email", stored)
    return opened if isinstance(opened, str) else None


def _about(footing: Footing, stream: str) -> About | None:
    """A group may read what is sent to one person, so a name that is personal stays here: the id leads to it."""
    name, record_id = split_stream(stream)
    playbooks = footing.playbooks()
    if name not in playbooks.by_kind:
        return None
    kind = whole_kind(playbooks, name)
    record = footing.folded(stream, footing.bounded())
    title: str | None = record_id
    if record is not None and not is_personal(record.fields.get(kind.title or "")):
        title = footing.lens().title(record) or record_id
    return About(
        kind.label.model_dump(), str(title), f"v1/{quote(kind.collection)}/{quote(record_id, safe='')}"
    )
