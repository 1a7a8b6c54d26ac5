"""The description of the service for the playbooks in force: a path per collection, a schema per kind, an example per command and problem."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

from commands.http.actions import BY_NAME
from commands.http.describing import ANSWER, PROBLEM, PROBLEM_TYPE
from commands.http.example_problems import example_problems
from commands.http.example_values import in_ascii, kinds_in_order
from commands.http.field_schemas import both, fields_schema
from commands.http.headers import IDEMPOTENCY_KEY, ON_BEHALF_OF
from commands.http.imagination import Example
from commands.http.walk import walk
from domain.deadlines.limits import named_in
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.playbook.reactions import all_reactions

Document: TypeAlias = dict[str, Any]
ProblemOf: TypeAlias = Callable[[Exception], Mapping[str, Any]]

COLLECTION = "/v1/{collection}"
_POOL_COMMANDS = ("/v1/pools/{pool}/claims", "/v1/pools/{pool}/returns")
"""Where no playbook has a pool, nobody can be told how to claim from one."""
HAPPENS_FIRST = "x-happens-first"
"""Where an example says what the service has to notice before it works: an event with its stream, topic and payload."""
_METHODS = ("get", "put", "post", "patch", "delete")
_MADE_BY_FRAMEWORK = re.compile(r"_v1_.*$")
_ORDER = (
    "",
    "/{record_id}",
    "/{record_id}/confirmations",
    "/{record_id}/touches",
    "/{record_id}/touches/{touch_id}/corrections",
    "/{record_id}/evidence",
    "/{record_id}/work",
    "/{record_id}/work/{work_id}/acceptances",
    "/{record_id}/work/{work_id}/responses",
    "/{record_id}/work/{work_id}/ticks",
    "/{record_id}/work/{work_id}/pauses",
    "/{record_id}/work/{work_id}/resumptions",
    "/{record_id}/work/{work_id}/reassignments",
    "/{record_id}/work/{work_id}/reschedulings",
    "/{record_id}/work/{work_id}/completions",
    "/{record_id}/work/{work_id}/declines",
    "/{record_id}/work/{work_id}/cancellations",
    "/{record_id}/forks",
    "/{record_id}/approvals",
    "/{record_id}/approvals/{approval_id}/comments",
    "/{record_id}/approvals/{approval_id}/decisions",
    "/{record_id}/approvals/{approval_id}/migrations",
    "/{record_id}/approvals/{approval_id}/recalls",
    "/{record_id}/relations",
    "/{record_id}/relations/endings",
    "/{record_id}/owner-changes",
    "/{record_id}/progress",
    "/{record_id}/stage-changes",
    "/{record_id}/overrides",
    "/{record_id}/restorations",
    "/{record_id}/deadlines/{deadline}/acknowledgements",
    "/{record_id}/reactions/{reaction}/retries",
)
"""The paths of a collection in the order one would try them out."""


def expand(document: Document, playbooks: Playbooks, problem_of: ProblemOf | None = None) -> Document:
    """Return the description with the collections of the playbooks in force in place of `{collection}`.

    Reads and commands alike: every path that begins with `/v1/{collection}` becomes one per collection. Commands get schemas of
    their fields and an example each; the examples work one after another, in the order of the document, on a log in which
    nothing but the playbooks happened, and what an example says the service notices first. `problem_of` renders an error as the problem it is answered with, for an example of each.
    """
    described = deepcopy(document)
    examples = walk(playbooks)
    kinds = {name: playbooks.by_kind[name].kind(name) for name in playbooks.by_kind}
    generic = {path: item for path, item in described["paths"].items() if path.startswith(COLLECTION)}
    paths = {path: item for path, item in described["paths"].items() if path not in generic}
    for name in kinds_in_order(kinds):
        for path in sorted(generic, key=_place):
            found = _of_kind(generic[path], name, kinds[name])
            if found:
                paths[path.replace("{collection}", kinds[name].collection)] = found
    if kinds and not any(book.document.pools for book in playbooks.by_kind.values()):
        paths = {path: item for path, item in paths.items() if not path.startswith(_POOL_COMMANDS)}
    described["paths"] = paths if kinds else {**paths, **generic}
    for _, _, operation in _operations(described):
        operation["operationId"] = _MADE_BY_FRAMEWORK.sub("", operation["operationId"])
    _tell_examples(described, examples, kinds)
    _tell_problems(described, problem_of)
    _gather(described)
    tags = [
        {"name": kinds[name].collection, "description": both(kinds[name].label)}
        for name in kinds_in_order(kinds)
    ]
    described["tags"] = [*described.get("tags", ()), *tags]
    _tell_security(described)
    return described


def _place(path: str) -> int:
    rest = path.removeprefix(COLLECTION)
    return _ORDER.index(rest) if rest in _ORDER else len(_ORDER)


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


# ── a collection ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_kind(item: Document, name: str, kind: Kind) -> Document:
    found = {}
    for method, operation in item.items():
        if method in _METHODS and _is_known(operation["operationId"], kind):
            found[method] = _operation_of_kind(operation, name, kind)
    return found


def _is_known(operation: str, kind: Kind) -> bool:
    """Whether a kind knows a command at all: without stages, nothing moves."""
    match operation:
        case "touch" | "correct_touch":
            return bool(kind.touches)
        case "attach_evidence":
            return bool(kind.evidence_fields)
        case "relate" | "end_relation":
            return bool(kind.relations)
        case "fork_work":
            return bool(kind.forks)
        case "tick_work":
            return any(template.checklist for template in kind.work.values())
        case _ if operation.endswith("_work"):
            return bool(kind.work)
        case _ if operation.endswith("_approval"):
            return bool(kind.approvals)
        case "acknowledge_deadline":
            return bool(named_in(kind))
        case "retry_reaction":
            return bool(all_reactions(kind.reactions, kind.forks))
        case "change_stage" | "override":
            return bool(kind.stages)
        case "progress":
            return bool(kind.progress)
        case _:
            return True


def _operation_of_kind(operation: Document, name: str, kind: Kind) -> Document:
    made = deepcopy(operation)
    base = _MADE_BY_FRAMEWORK.sub("", made["operationId"])
    made["operationId"] = f"{base}_{name}"
    made["summary"] = f"{both(kind.label)}: {made.get('summary', base)}"
    made["tags"] = [kind.collection]
    made["parameters"] = [
        _evidence_field(found, kind) if base == "attach_evidence" else found
        for found in made.get("parameters", ())
        if not (found.get("in") == "path" and found.get("name") == "collection")
    ]
    if base in BY_NAME:
        _specify(made["requestBody"]["content"]["application/json"]["schema"], base, name, kind)
    return made


def _evidence_field(parameter: Document, kind: Kind) -> Document:
    if (parameter["in"], parameter["name"]) != ("query", "field"):
        return parameter
    options = "; ".join(f"{name}: {both(kind.fields[name].label)}" for name in kind.evidence_fields)
    return {**parameter, "schema": {"enum": list(kind.evidence_fields)}, "description": options}


def _specify(schema: Document, operation: str, name: str, kind: Kind) -> None:
    """Say of a body what the kind says: its fields, and the names it knows."""
    members = schema["properties"]
    if operation != "complete_work" and "fields" in members and members["fields"].get("type") == "object":
        members["fields"] = {"$ref": f"#/components/schemas/{_component(name)}"}
    steps = "; ".join(f"{step}: {both(spec.label)}" for step, spec in kind.steps.items())
    if operation == "fork_work":
        members["name"] = {"enum": list(kind.forks)}
    for member, options, text in (
        ("stage", list(kind.steps), steps),
        ("to", list(kind.steps), steps),
        ("path", list(kind.paths), ""),
        ("relation", list(kind.relations), ""),
        ("template", list(kind.work), "; ".join(f"{n}: {both(t.label)}" for n, t in kind.work.items())),
        (
            "chain",
            list(kind.approvals),
            "; ".join(f"{n}: {both(c.label)}" for n, c in kind.approvals.items()),
        ),
        ("kind", list(kind.touches), "; ".join(f"{n}: {both(t.label)}" for n, t in kind.touches.items())),
        ("preset", list(kind.progress), "; ".join(f"{n}: {both(p.label)}" for n, p in kind.progress.items())),
    ):
        if member not in members or (member == "to" and operation not in {"change_stage", "override"}):
            continue
        required = member in schema.get("required", ())
        found = {"enum": options if required else [*options, None]}
        told = ". ".join(part for part in (members[member].get("description"), text) if part)
        members[member] = found | ({"description": told} if told else {})


def _component(name: str) -> str:
    return f"{in_ascii(name)}_fields"


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell_examples(document: Document, examples: Sequence[Example], kinds: Mapping[str, Kind]) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in _operations(document)}
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, kind in kinds.items():
        schemas[_component(name)] = fields_schema(kind) | {"description": both(kind.label)}
    for example in examples:
        operation = by_id.get(
            example.operation if example.kind is None else f"{example.operation}_{example.kind}"
        )
        if operation is not None:
            _tell_example(operation, example)


def _tell_example(operation: Document, example: Example) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    if example.media_type not in content and "*/*" in content:
        content[example.media_type] = dict(content["*/*"])
    body = content.get(example.media_type)
    if body is not None:
        told_first = {} if example.happens_first is None else {HAPPENS_FIRST: dict(example.happens_first)}
        body.setdefault("examples", {})[example.name] = {
            "summary": example.summary,
            "value": example.body,
            **told_first,
        }
    told = {IDEMPOTENCY_KEY: example.key, **example.path, **example.query}
    if example.version is not None:
        told["If-Match"] = f'"{example.version}"'
    if example.on_behalf_of is not None:
        told[ON_BEHALF_OF] = example.on_behalf_of
    for parameter in operation["parameters"]:
        if parameter["name"] in told:
            parameter.setdefault("examples", {})[example.name] = {"value": told[parameter["name"]]}
    for answered in operation["responses"][str(example.status)]["content"].values():
        value = example.answer.get("lines", example.answer)
        answered.setdefault("examples", {})[example.name] = {"summary": example.summary, "value": value}


def _tell_problems(document: Document, problem_of: ProblemOf | None) -> None:
    """Give every response that is a problem the examples of its status."""
    if problem_of is None:
        return
    told = [dict(problem_of(error)) for error in example_problems()]
    examples = document.setdefault("components", {}).setdefault("examples", {})
    by_status: dict[str, dict[str, Any]] = {}
    for problem in told:
        examples[problem["code"]] = {"summary": problem["title"], "value": problem}
        reference = {"$ref": f"#/components/examples/{problem['code']}"}
        by_status.setdefault(str(problem["status"]), {})[problem["code"]] = reference
    for _, _, operation in _operations(document):
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get(PROBLEM_TYPE)
            if content is not None and status in by_status:
                content["examples"] = dict(by_status[status])


# ── what is said once ────────────────────────────────────────────────────────────────────────────────────────────────


def _gather(document: Document) -> None:
    """Say once what every operation says: the answer of commands, the problem, and the responses that are problems."""
    components = document.setdefault("components", {})
    schemas, responses = components.setdefault("schemas", {}), components.setdefault("responses", {})
    once = {"CommandAnswer": ANSWER, "Problem": PROBLEM}
    for _, _, operation in _operations(document):
        for status, response in list(operation["responses"].items()):
            for content in response.get("content", {}).values():
                for name, schema in once.items():
                    if content.get("schema") == schema:
                        schemas[name] = dict(schema)
                        content["schema"] = {"$ref": f"#/components/schemas/{name}"}
            if set(response.get("content", ())) != {PROBLEM_TYPE} or not status.isdigit():
                continue
            name = f"problem-{status}"
            if responses.setdefault(name, response) == response:
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}


def _tell_security(document: Document) -> None:
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    if not schemes:
        schemes["bearer"] = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token that says which tenant, which client and who acts.",
        }
    document.setdefault("security", [{name: []} for name in schemes])
