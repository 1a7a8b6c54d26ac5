"""A draft over a window of one kind: which recorded searches it is asked about, and when else its worker looks for owners."""

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook, Scope
from domain.values import Stored
from projections.ports import Revealer
from projections.replay.asking import Ask
from projections.replay.assignment.deciding import Judging
from projections.replay.assignment.drafted import Drafting, Row
from projections.replay.assignment.occasions import occasions, ticks
from projections.replay.assignment.recorded import Recorded
from projections.replay.assignment.told import Deed, Told
from projections.replay.assignment.world import World


def drafted_rows(
    told: Told,
    recorded: Recorded,
    playbooks: Playbooks,
    keyring: Revealer,
    ask: Ask,
    draft: PublishedPlaybook,
    cancelled: Callable[[], bool] | None = None,
) -> list[Row]:
    """Return every search of the window that the draft is asked about, and those only it would make."""
    window = ask.window

    def in_scope(judge: Judging) -> bool:
        return within(ask.scope, judge.read.fields)

    def is_asked(deed: Deed) -> bool:
        if (
            not deed.is_search
            or deed.playbook != draft.name
            or not window.after < deed.position <= window.upto
        ):
            return False
        record = recorded.histories.as_of(deed.record, deed.position - 1)
        return record is not None and in_scope(Judging(draft, record, deed.decided_at, keyring))

    asked = {deed.position for deed in recorded.deeds if is_asked(deed)}
    searches: dict[int, list[Deed]] = {}
    for deed in recorded.deeds:
        if deed.position in asked:
            searches.setdefault(deed.cause, []).append(deed)
    world = World(
        recorded.deeds, recorded.handovers, recorded.counts_of_nobody, lambda deed: deed.position in asked
    )
    moments = recorded.moments(told, window.upto)
    positions = moments.between(window.after, window.upto)
    by_hand = [handover for handover in recorded.handovers if not world.follows(handover)]
    zone = ZoneInfo(draft.document.time_zone)
    drafting = Drafting(
        told=told,
        kind=recorded.kind,
        playbooks=playbooks,
        draft=draft,
        ask=ask,
        keyring=keyring,
        histories=recorded.histories,
        world=world,
        moments=moments,
        searches=searches,
        occasions=(
            occasions(recorded.happened(told, by_hand), window, recorded.kind, draft)
            if recorded.kind in draft.document.kinds
            else {}
        ),
        ticks=(
            ticks(told.organised.events, zone, moments.at(positions[0]), moments.at(positions[-1]))
            if positions
            else []
        ),
        in_scope=in_scope,
        cancelled=cancelled,
    )
    return drafting.run()


def within(scope: Scope, fields: Mapping[str, Stored]) -> bool:
    """Tell whether a record that nobody owns is in a scope: it holds one of the options of each field. Nobody has a team or a region."""

    def held(name: str) -> set[object]:
        value = None if "." in name else fields.get(name)
        return set(value) if isinstance(value, list) else {value} if isinstance(value, str) else set()

    return all(held(name) & set(options) for name, options in scope.items())
