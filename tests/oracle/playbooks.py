"""Published playbooks: which versions there are, which one reads a record, and where names went that a version took away."""

from datetime import datetime
from typing import Any

from oracle.log import Event, Organisation, Record, moment, region_of, team_of, upto

Playbook = dict[str, Any]
Kind = dict[str, Any]
Step = dict[str, Any]


def versions(events: list[Event], position: int) -> list[Playbook]:
    """Every version published up to a position, oldest first."""
    found = []
    for event in upto(events, position):
        if event["topic"] == "playbook.published.v1":
            payload = event["payload"]
            found.append(
                {
                    "name": payload["name"], "number": payload["number"], "position": event["position"],
                    "document": payload["document"], "rules": {rule["place"]: rule["tree"] for rule in payload["rules"]},
                    "scope": payload.get("scope") or {}, "effective_from": moment(payload.get("effective_from")),
                    "mappings": payload.get("mappings") or {}, "recorded_at": event["recorded_at"],
                }
            )  # fmt: skip
    return found


def version(published: list[Playbook], name: str, number: int) -> Playbook:
    """One version."""
    return next(it for it in published if (it["name"], it["number"]) == (name, number))


def general(published: list[Playbook], kind: str, at: datetime) -> Playbook:
    """The version in force for a kind at a moment where no scope says otherwise."""
    begun = [it for it in published if it["effective_from"] is None or it["effective_from"] <= at]
    return [it for it in begun if not it["scope"] and kind in kinds(it)][-1]


def for_record(
    published: list[Playbook], record: Record, organisation: Organisation, at: datetime
) -> Playbook:
    """The newest version whose moment has come and whose scope a record is in, as that version reads it."""
    for candidate in reversed(published):
        has_begun = candidate["effective_from"] is None or candidate["effective_from"] <= at
        if has_begun and record["kind"] in kinds(candidate):
            read = adopted(record, candidate, published)
            if is_in_scope(candidate["scope"], read["fields"], record["owner"], organisation):
                return candidate
    raise AssertionError("there is always a version without a scope")


def is_in_scope(
    scope: dict[str, list[str]], fields: dict[str, Any], owner: str | None, organisation: Organisation
) -> bool:
    """Whether a record holds one of the options of each field of a scope."""
    for name, options in scope.items():
        if name == "owner.team":
            held: Any = team_of(organisation, owner)
        elif name == "owner.region":
            held = region_of(organisation, owner)
        else:
            held = fields.get(name)
        if not set(held if isinstance(held, list) else [held]) & set(options):
            return False
    return True


# ── the parts of a document ──────────────────────────────────────────────────────────────────────────────────────────


def named(parts: Any) -> dict[str, Any]:
    """A list of parts that say their names, as a dictionary in its order."""
    return {part["name"]: part for part in parts or ()}


def kinds(playbook: Playbook) -> dict[str, Kind]:
    """The kinds of a playbook."""
    return named(playbook["document"]["kinds"])


def fields(kind: Kind) -> dict[str, Any]:
    """The fields of a kind."""
    return named(kind.get("fields"))


def is_personal(field: dict[str, Any]) -> bool:
    """Whether a field is personal: as it says, else text, phone and e-mail are."""
    said: bool | None = field.get("personal")
    return said if said is not None else field["type"] in ("text", "phone", "email")


def steps(kind: Kind) -> dict[str, Step]:
    """Where a record can stand, in order: a stage that has nodes gives way to them."""
    found: dict[str, Step] = {}
    for stage in kind.get("stages") or ():
        outcome = stage.get("outcome", "open")
        if stage.get("nodes"):
            for node in stage["nodes"]:
                found[node["name"]] = {"name": node["name"], "part_of": stage["name"], "outcome": outcome, "stage": stage, "node": node}  # fmt: skip
        else:
            found[stage["name"]] = {"name": stage["name"], "part_of": stage["name"], "outcome": outcome, "stage": stage, "node": None}  # fmt: skip
    return found


def steps_of(kind: Kind, path: str | None) -> list[str]:
    """The steps of a path in its order; without a path all steps."""
    everything = steps(kind)
    if path is None:
        return list(everything)
    stages = named(kind["paths"])[path]["steps"]
    return [name for stage in stages for name, step in everything.items() if step["part_of"] == stage]


def way(kind: Kind, path: str | None) -> list[str]:
    """The open steps of a path, in order."""
    return [name for name in steps_of(kind, path) if steps(kind)[name]["outcome"] == "open"]


def opening_steps(kind: Kind, path: str | None) -> list[str]:
    """Where a record may begin: what the path says, else what of the kind lies on it, else the first step."""
    on_path = steps_of(kind, path)
    if path is not None and named(kind["paths"])[path].get("opens_in"):
        return list(named(kind["paths"])[path]["opens_in"])
    return [name for name in kind.get("opens_in") or () if name in on_path] or on_path[:1]


def evidence_fields(kind: Kind) -> list[str]:
    """The fields that hold evidence."""
    return [name for name, field in fields(kind).items() if field["type"] == "evidence"]


# ── names that went elsewhere ────────────────────────────────────────────────────────────────────────────────────────


def newest_word(reading: Playbook, published: list[Playbook], kind: str, part: str) -> dict[str, Any]:
    """What was said last of where each name goes, up to a version."""
    words: dict[str, Any] = {}
    for it in published:
        if it["name"] == reading["name"] and it["number"] <= reading["number"]:
            for name, end in (it["mappings"].get(kind, {}).get(part) or {}).items():
                words[name] = {**words.get(name, {}), **end} if part == "options" else end
    return words


def followed(name: str | None, words: dict[str, Any], there: Any) -> str | None:
    """Follow a name from mapping to mapping, as far as a name that is there."""
    seen: set[str] = set()
    while name is not None and name not in there:
        if name in seen or name not in words:
            return name if name not in words else None
        seen.add(name)
        name = words[name]
    return name


def step_as(name: str | None, reading: Playbook, published: list[Playbook], kind: str) -> str | None:
    """The step a recorded one is read as; one that nobody ever mapped keeps its name."""
    there = steps(kinds(reading)[kind])
    return followed(name, newest_word(reading, published, kind, "stages"), there)


def field_as(name: str, reading: Playbook, published: list[Playbook], kind: str) -> str | None:
    """The field a recorded one is read as, None: nowhere."""
    return followed(name, newest_word(reading, published, kind, "fields"), fields(kinds(reading)[kind]))


def value_as(name: str, value: Any, reading: Playbook, published: list[Playbook], kind: str) -> Any:
    """A value that was said of a field, under the options its field has now."""
    end = field_as(name, reading, published, kind)
    field = fields(kinds(reading)[kind]).get(end or "")
    if field is None or not field.get("options"):
        return value
    there = named(field["options"])
    options = newest_word(reading, published, kind, "options")
    words = {**options.get(end or "", {}), **options.get(name, {})}
    if isinstance(value, list):
        read = [followed(option, words, there) for option in value]
        return list(dict.fromkeys(option for option in read if option is not None))
    return followed(value, words, there) if isinstance(value, str) else value


def adopted(record: Record, reading: Playbook, published: list[Playbook]) -> Record:
    """A record as a version reads it. What was said under the new name wins over what was said under an old one."""
    if record["kind"] not in kinds(reading):
        return record
    ask = (reading, published, record["kind"])
    read: dict[str, Any] = {}
    for name in sorted(record["fields"]):
        end = field_as(name, *ask)
        if end is not None and end != name:
            read.setdefault(end, value_as(name, record["fields"][name], *ask))
    for name, value in record["fields"].items():
        if field_as(name, *ask) == name:
            read[name] = value_as(name, value, *ask)
    unknown = {field_as(name, *ask) for name in record["unknown"]} - {None} - read.keys()
    evidence = [
        {**piece, "field": end}
        for piece in record["evidence"]
        if (end := field_as(piece["field"], *ask)) is not None
    ]
    stage = step_as(record["stage"], *ask)
    approvals = {
        name: {**it, "told_since": {field_as(field, *ask) for field in it["told_since"]} - {None}}
        for name, it in record["approvals"].items()
    }
    return {
        **record,
        "fields": read,
        "unknown": unknown,
        "evidence": evidence,
        "stage": stage,
        "approvals": approvals,
    }
