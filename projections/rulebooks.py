"""Playbooks to read: which there are, each version with its document and the words of its rules, since when and by whom; drafts."""

from collections.abc import Iterable
from typing import Any

from domain.envelope import Recorded
from domain.events import PlaybookDrafted, PlaybookPublished, ReplaySignedOff
from domain.naming import PLAYBOOKS_STREAM, drafts_stream, nearest
from domain.playbook.published import PublishedPlaybook
from domain.refusals import NotFound
from domain.values import moment_text
from projections.as_of import Horizon
from projections.footing import NOW, Footing
from projections.lens import Lens, Visible


def playbooks(footing: Footing, horizon: Horizon = NOW) -> Visible:
    """Show the playbooks in force: name, version, since which position, by whom, and the kinds of record they are about."""
    bounded = footing.bounded(horizon)
    known = footing.playbooks(bounded)
    published = _published(footing, bounded)
    lens = footing.lens(bounded)
    lens.prepare(())
    items = [
        lens.figures(
            **_origin(lens, published[version.name, version.number]),
            name=version.name,
            label=version.document.label.model_dump(),
            version=version.number,
            versions=max(number for name, number in known.versions if name == version.name),
            collections={name: kind.collection for name, kind in version.document.kinds.items()},
        )
        for version in known.in_force.values()
    ]
    return lens.page(items, next=None, **footing.about(bounded))


def playbook(footing: Footing, name: str, horizon: Horizon = NOW) -> Visible:
    """Show one playbook: every version of it, newest first, and its drafts with who stands by a replay of each. Raises NotFound, with the nearest name."""
    bounded = footing.bounded(horizon)
    known = footing.playbooks(bounded)
    in_force = {version.number for version in known.effective.get(name, ())}
    published = _published(footing, bounded)
    drafted = bounded.within(footing.log.stream(drafts_stream(name))) if _is_name(name) else []
    versions = [version for (own, _), version in sorted(known.versions.items(), reverse=True) if own == name]
    if not versions and not drafted:
        raise NotFound("playbook", name, nearest(name, {own for own, _ in known.versions}))
    lens = footing.lens(bounded)
    lens.prepare((*published.values(), *drafted))
    return lens.figures(
        name=name,
        label=versions[0].document.label.model_dump() if versions else None,
        versions=[
            {
                "version": version.number,
                "in_force": version.number in in_force,
                "scope": {part: list(options) for part, options in version.scope.items()},
                "effective_from": None
                if version.effective_from is None
                else moment_text(version.effective_from),
                **_origin(lens, published[name, version.number]),
            }
            for version in versions
        ],
        drafts=[
            {
                "draft": recorded.event.number,
                "sign_offs": _sign_offs(lens, drafted, recorded.event.number),
                **_origin(lens, recorded),
            }
            for recorded in reversed(drafted)
            if isinstance(recorded.event, PlaybookDrafted)
        ],
        **footing.about(bounded),
    )


def version(footing: Footing, name: str, number: int) -> Visible:
    """Show one version of a playbook: the document as it was published, and each rule in its words and as its typed tree."""
    bounded = footing.bounded()
    known = footing.playbooks(bounded)
    found = known.versions.get((name, number))
    if found is None:
        names = {own for own, _ in known.versions}
        if name not in names:
            raise NotFound("playbook", name, nearest(name, names))
        raise NotFound("version of the playbook", str(number))
    recorded = _published(footing, bounded)[name, number]
    lens = footing.lens(bounded)
    lens.prepare([recorded])
    event = recorded.event
    assert isinstance(event, PlaybookPublished)
    in_force = number in {version.number for version in known.effective.get(name, ())}
    more: dict[str, Any] = {
        "version": number,
        "in_force": in_force,
        "draft": event.draft,
        "scope": event.scope,
    }
    more |= {"effective_from": event.effective_from, "mappings": event.mappings, "digest": event.digest}
    more |= {"replay": event.replay}
    told = _document(found) | more | _origin(lens, recorded)
    return lens.figures(**told, **footing.about(bounded))


def draft(footing: Footing, name: str, number: int) -> Visible:
    """Show a draft of a playbook as it was kept; nothing is in force by it."""
    bounded = footing.bounded()
    drafted = footing.log.stream(drafts_stream(name)) if _is_name(name) else []
    for recorded in drafted:
        event = recorded.event
        if isinstance(event, PlaybookDrafted) and event.number == number:
            lens = footing.lens(bounded)
            lens.prepare([recorded])
            assert isinstance(event.rules, list)
            rules = {str(rule["place"]): rule["tree"] for rule in event.rules if isinstance(rule, dict)}
            kept = PublishedPlaybook.from_published(event.document, rules, 0, 0)
            told = _document(kept) | {"draft": number, "digest": event.digest} | _origin(lens, recorded)
            return lens.figures(**told, **footing.about(bounded))
    raise NotFound("draft of the playbook", f"{name} {number}")


def _is_name(name: str) -> bool:
    """A stream that could not be one is never asked for."""
    return name.isprintable() and len(name) < 200


def _published(footing: Footing, bounded: Horizon) -> dict[tuple[str, int], Recorded]:
    return {
        (recorded.event.name, recorded.event.number): recorded
        for recorded in footing.log.stream(PLAYBOOKS_STREAM)
        if isinstance(recorded.event, PlaybookPublished) and recorded.position <= (bounded.position or 0)
    }


def _document(found: PublishedPlaybook) -> dict[str, Any]:
    """A playbook as data, and its rules by place: the words an author wrote, and the typed tree that judges."""
    words = {
        "/".join((name, step, side, condition)): told.rule
        for name, kind in found.document.kinds.items()
        for _, step, side, gate in kind.gates
        for condition, told in gate.conditions.items()
    }
    return {
        "name": found.name,
        "label": found.document.label.model_dump(),
        "document": found.document_json,
        "rules": [
            {"place": place, "rule": words.get(place), "tree": tree}
            for place, tree in found.rules_json.items()
        ],
    }


def _sign_offs(lens: Lens, drafted: Iterable[Recorded], number: int) -> list[dict[str, Any]]:
    """Who stands by a replay of a draft, oldest first: which replay, over which positions, and the figures that were looked at."""
    return [
        {
            "replay": recorded.event.replay,
            "digest": recorded.event.digest,
            "window": recorded.event.window,
            "as_of_position": recorded.event.position,
            "summary": recorded.event.summary,
            **_origin(lens, recorded),
        }
        for recorded in drafted
        if isinstance(recorded.event, ReplaySignedOff) and recorded.event.draft == number
    ]


def _origin(lens: Lens, recorded: Recorded) -> dict[str, Any]:
    told = lens.event(recorded).data
    members = (
        "position",
        "recorded_at",
        "actor",
        "actor_name",
        "on_behalf_of",
        "channel",
        "reason",
        "command_id",
    )
    return {member: told[member] for member in members}
