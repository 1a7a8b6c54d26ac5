"""What a request was decided on: the record, the organisation and the version of the playbook as they were then.

The append of a decision refuses when anything it looked at has moved, so what was looked at is what stood in the log right before it.
"""

from collections.abc import Iterable, Iterator

from domain.playbook.catalogue import Playbooks
from domain.record.adoption import adopted
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.approvals.requests import Request
from projections.replay.deadlines.histories import People
from projections.replay.footing import Footing, Known, Standing, prepare
from projections.replay.histories import Histories


def standings(
    view: View, asked: Iterable[Request], playbooks: Playbooks, keys: Keys
) -> Iterator[tuple[Request, Standing]]:
    """Say of each request what it was decided on, in the order of the log within a kind."""
    people, keyring = People.of(view), keys.keyring()
    of_kind: dict[str, list[Request]] = {}
    for request in asked:
        of_kind.setdefault(request.kind, []).append(request)
    for kind, found in sorted(of_kind.items()):
        histories = Histories(view, kind, {request.record for request in found})
        prepare(keyring, [histories])
        for request in found:
            record = histories.as_of(request.record, request.position - 1)
            assert record is not None, "agreement is asked about a record that was opened"
            then = playbooks.versions[request.playbook or "", request.playbook_version or 0]
            known = Known(people.before(request.position), request.decided_at, request.at, keyring)
            yield request, Standing(Footing(adopted(record, then), then, known))
