"""The playbook of the second half of the year: the same way of selling, with one more source leads come from."""

from consumers.simulator import texts
from consumers.simulator.desk import Desk, Told, kept_draft
from consumers.simulator.people import Company
from consumers.simulator.working_days import Clock
from domain.labels import Label
from domain.playbook.commands import DraftPlaybook, PublishDraft
from domain.playbook.published import PublishedPlaybook

SOURCE = "source"
LIVESTREAM = "livestream"
_LABEL = Label(zh="直播获客", en="Live stream")


def revised(playbook: PublishedPlaybook, kind: str) -> PublishedPlaybook:
    """Return a playbook whose leads may come from a live stream; everything else, every gate above all, is as before."""
    document = playbook.document
    before = document.kinds[kind]
    source = before.fields[SOURCE]
    more = source.model_copy(update={"options": {**source.options, LIVESTREAM: _LABEL}})
    after = before.model_copy(update={"fields": {**before.fields, SOURCE: more}})
    changed = document.model_copy(update={"kinds": {**document.kinds, kind: after}})
    return PublishedPlaybook(changed, number=0, rules=playbook.rules)


class Revision:
    """How the playbook is changed in the middle of the year: kept as a draft first, for everybody to read, and published later."""

    def __init__(self, desk: Desk, company: Company, playbook: PublishedPlaybook) -> None:
        self._desk = desk
        self._company = company
        self._playbook = playbook
        self._draft: int | None = None
        self.is_in_force = False

    def draft(self, clock: Clock) -> None:
        """Keep the draft."""

        def learn(answer: Told) -> None:
            self._draft = kept_draft(answer)

        command = DraftPlaybook(self._playbook)
        self._desk.put(clock.tick(), self._company.operations.id, command, then=learn)

    def publish(self, clock: Clock) -> None:
        """Put the draft into force, where there is one."""
        if self._draft is None:
            return

        def learn(_: Told) -> None:
            self.is_in_force = True

        command = PublishDraft(name=self._playbook.name, draft=self._draft)
        operations = self._company.operations.id
        self._desk.put(clock.tick(), operations, command, reason=texts.REVISION_REASON, then=learn)
