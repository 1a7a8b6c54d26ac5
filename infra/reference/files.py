"""The pages about files people write: playbooks, mappings of what a version takes away, mappings of an import."""

from commands.playbook_mappings import MappedKind
from consumers.importing.language import Mapping
from domain.playbook.model import FieldKind, JoiningFact, Playbook, Right
from infra.reference.wording import doc, sections_of, table


def playbook_file() -> str:
    """The members of a playbook."""
    lines = [
        "# Playbook file",
        "",
        "A playbook is one YAML file. `dealtrail playbook check FILE` tells everything that is wrong with it; [how to write one](../write-a-playbook.md).",
        "A *name* is made of letters of any script, digits and underscores, does not begin with a digit, and has at most 63 characters.",
        "A component of an index is one of several parts: its `measure` says which.",
        "",
        *sections_of(Playbook),
    ]
    for title, listed in (
        ("Field types", FieldKind),
        ("Rights", Right),
        ("What joining may require", JoiningFact),
    ):
        lines += [f"## {title}", "", doc(listed), "", ", ".join(f"`{item.value}`" for item in listed), ""]
    lines += ["Rules, their functions and the facts they may ask: [rules](rules.md)."]
    return "\n".join(lines)


def mappings_file() -> str:
    """Where goes what a new version of a playbook takes away."""
    rows = [
        ("`stages`", "stage → the stage its records stand in from now on"),
        ("`fields`", "field → the field its values are read under, or `null`: nowhere"),
        ("`options`", "field → option → the option it counts as, or `null`: none"),
    ]
    assert set(MappedKind.model_fields) == {row[0].strip("`") for row in rows}
    lines = [
        "# Mappings file",
        "",
        "What `dealtrail playbook publish --mappings FILE` reads, and `mappings` of `POST /v1/playbooks/{name}/publications` holds: by kind, where the",
        "stages, fields and options go that the new version takes away. Records are not rewritten; the version reads them through it",
        "([why](../decisions/0010-records-are-read-through-mappings.md)).",
        "",
        *table(("member of a kind", "meaning"), rows),
        "```yaml",
        "opportunity:",
        "  stages: {poc: solution}",
        "  fields: {old_budget: budget, fax: null}",
        "  options: {source: {website: inbound}}",
        "```",
    ]
    return "\n".join(lines)


def import_mapping_file() -> str:
    """The members of a mapping for an import."""
    lines = [
        "# Import mapping file",
        "",
        "A mapping says which columns of an export become which records, fields, stages and people; `dealtrail import` reads it.",
        "",
        *sections_of(Mapping),
    ]
    return "\n".join(lines)
